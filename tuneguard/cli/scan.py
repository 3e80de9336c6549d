"""`tuneguard scan`: diagnose the runs of an experiment that have changed, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tuneguard.cli import options
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.options import severities_from
from tuneguard.cli.output import write_result
from tuneguard.cli.progress import progress_bar
from tuneguard.cli.settings import Settings, settle
from tuneguard.cli.terminal import say, wants_color
from tuneguard.cli.timespan import milliseconds_since

if TYPE_CHECKING:
    from tuneguard.fleet.engines import Engine
    from tuneguard.fleet.examiner import Assignment
    from tuneguard.scanned_run import ScannedRun, ScanSummary


@dataclass(frozen=True, slots=True)
class Order:
    """What `scan` was asked for, option by option."""

    experiment: str
    since: int | None
    output_format: str
    output: Path | None
    settings: Settings
    fail_on: str
    tracking_uri: str | None
    engine: Engine
    workers: int | None
    no_write: bool
    write_review: bool
    no_traces: bool
    force: bool
    verbose: bool

    @property
    def writes(self) -> Literal["tags", "review", "nothing"]:
        """What is written into a run that was diagnosed."""
        if self.no_write:
            return "nothing"
        return "review" if self.write_review else "tags"


@click.command(
    epilog="""\b
Examples:
  tuneguard scan --experiment vision
  tuneguard scan --experiment vision --since 7d --format csv --output runs.csv
  tuneguard scan --experiment vision --write-review --fail-on critical
"""
)
@click.option("--experiment", required=True, metavar="NAME", help="The experiment, or its id.")
@click.option(
    "--since",
    callback=milliseconds_since,
    metavar="AGE",
    help="Leave out runs that ended before: an age such as 12h, 7d or 2w, or a date.",
)
@options.output_format(["text", "json", "csv", "html"], "How to print the runs.")
@options.output
@options.select
@options.ignore
@options.config
@options.role_keys("train_loss, validation_loss, ...", "of every run")
@options.fail_on(
    options.SEVERITIES,
    "warning",
    "Exit with 1 where a finding of any run is at least this severe.",
)
@options.tracking_uri
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many processes read and judge; one a core and at most 4 by default.",
)
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="Who reads and judges: processes on this machine, or a Ray cluster that runs already.",
)
@click.option("--no-write", is_flag=True, help="Leave the runs alone: write nothing into MLflow.")
@click.option(
    "--write-review",
    is_flag=True,
    help="Write the whole review of each run, as `diagnose` does, and not its tags alone.",
)
@click.option(
    "--no-traces",
    is_flag=True,
    help="With --write-review, leave out the traces on which people judge the findings.",
)
@click.option("--force", is_flag=True, help="Diagnose also runs in which nothing has changed.")
@click.option("--verbose", is_flag=True, help="List healthy runs too.")
@click.pass_context
def scan(ctx: click.Context, /, **options: Any) -> None:
    """Diagnose the runs of an experiment, and list them the worst first.

    Runs in which nothing has changed since their last diagnosis are not read again: their tags
    say how they stand. Runs that go on are judged as far as they are. A run that cannot be read
    is listed with the reason, and stops no other. After Ctrl-C, the same command goes on where it
    stopped.
    """
    order = _order(**options)
    summary = _scanned(order)
    write_result([_rendered(summary, order)], order.output)
    ctx.exit(_exit_code(summary.runs, order.fail_on))


def _order(
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    role_keys: tuple[str, ...],
    config: Path | None,
    **options: Any,
) -> Order:
    order = Order(settings=settle(select, ignore, role_keys, config), **options)
    if order.no_write and order.write_review:
        raise click.UsageError("--no-write and --write-review exclude each other.")
    if order.engine == "ray" and order.workers is not None:
        raise click.UsageError("--workers is for processes: a Ray cluster has as many as it has.")
    if order.output is not None and not order.output.absolute().parent.is_dir():
        raise click.BadParameter(
            f"there is no folder {order.output.parent}", param_hint="--output"
        )
    return order


def _scanned(order: Order) -> ScanSummary:
    from tuneguard.fleet.engines import examine_all, usual_workers
    from tuneguard.fleet.survey import survey
    from tuneguard.scanned_run import ScanSummary, worst_first
    from tuneguard.storage.health import tracking_uri_in_use

    assignment = _assignment(order)
    shown = tracking_uri_in_use(order.tracking_uri)
    say(f"Tracking URI: {shown}")
    workers = order.workers or usual_workers()
    with progress_bar() as progress:
        listing = progress.add_task("listing runs", total=None)
        found = survey(
            assignment,
            order.experiment,
            order.since,
            lambda count: progress.advance(listing, count),
        )
        progress.update(listing, visible=False)
        reading = progress.add_task("diagnosing", total=len(found.changed))
        examined: list[ScannedRun] = []
        try:
            with closing(examine_all(assignment, found.changed, order.engine, workers)) as results:
                for run in results:
                    examined.append(run)
                    progress.advance(reading)
        except KeyboardInterrupt:
            _say_interrupted(len(examined), len(found.changed), order)
            raise
    runs = worst_first([*found.unchanged, *examined])
    return ScanSummary(order.experiment, shown, tuple(runs))


def _assignment(order: Order) -> Assignment:
    from tuneguard.fleet.examiner import Assignment
    from tuneguard.storage.connection import uri_in_use

    return Assignment(
        tracking_uri=uri_in_use(order.tracking_uri),
        rules=order.settings.rules,
        write=order.writes,
        traces=not order.no_traces,
        roles=dict(order.settings.roles),
        force=order.force,
    )


def _say_interrupted(done: int, total: int, order: Order) -> None:
    if order.no_write:
        say(f"Interrupted after {done:,} of {total:,} runs. Nothing was written.")
    else:
        say(
            f"Interrupted after {done:,} of {total:,} runs. What is done is written: the same "
            "command goes on where this one stopped."
        )


def _rendered(summary: ScanSummary, order: Order) -> str:
    if order.output_format == "json":
        from tuneguard.reports.fleet.tables import to_json

        return to_json(summary)
    if order.output_format == "csv":
        from tuneguard.reports.fleet.tables import to_csv

        return to_csv(summary)
    if order.output_format == "html":
        from tuneguard.reports.fleet.html import render_html

        return render_html(summary)
    from tuneguard.reports.fleet.text import render_text

    color = order.output is None and wants_color()
    return render_text(summary, color=color, verbose=order.verbose)


def _exit_code(runs: Sequence[ScannedRun], fail_on: str) -> ExitCode:
    """Return the worst code of all runs; one that was too short to judge does not count."""
    if any(run.reason for run in runs):
        return ExitCode.COULD_NOT_TELL
    bad = severities_from(fail_on)
    is_found = any(str(one.severity) in bad for run in runs for one in run.findings)
    return ExitCode.FOUND if is_found else ExitCode.NOTHING_FOUND
