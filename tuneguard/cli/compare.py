"""`tuneguard compare`: did a change help."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuneguard.cli import options
from tuneguard.cli.examination import is_file, load_history, say_tracking_uri
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.links import say_run_pages
from tuneguard.cli.output import write_result
from tuneguard.cli.rendering import FORMATS
from tuneguard.cli.selection import role_and_key, split_names
from tuneguard.cli.terminal import can_show_blocks, say, terminal_width, wants_color

if TYPE_CHECKING:
    from tuneguard.comparison import Comparison
    from tuneguard.history import RunHistory

_DIRECTIONS = {"higher": True, "lower": False}


@click.command(
    epilog="""\b
Examples:
  tuneguard compare 6f1c2b7e9d0a4c55b3f2a1d0e9c8b7a6 0e9c8b7a66f1c2b7e9d0a4c55b3f2a1d
  tuneguard compare BEFORE_1,BEFORE_2,BEFORE_3 AFTER_1,AFTER_2,AFTER_3
  tuneguard compare before.json after.json --metric accuracy --format html --output change.html
"""
)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Judge by this measure alone: a metric's name, validation_loss, train_loss, or a key; "
    "NAME=higher or NAME=lower says which is better where no table knows it. Repeatable.",
)
@click.option(
    "--paired-on",
    type=click.Choice(["step", "epoch", "time"]),
    default="step",
    show_default=True,
    help="Lay the curves over each other by this.",
)
@click.option(
    "--seed-noise",
    type=click.FloatRange(min=0.0),
    metavar="DEVIATION",
    help="Standard deviation between runs that differ in their seed only, in the unit of the "
    "measure. Where one run stands on each side, it is otherwise assumed.",
)
@options.output_format(
    FORMATS, "How to print the comparison; html draws the curves with their noise."
)
@options.output
@options.fail_on(
    ["worse", "not-better"],
    "worse",
    "Exit with 1 where the change made it worse, or did not make it better.",
)
@options.tracking_uri
@options.role_keys()
@click.pass_context
def compare(ctx: click.Context, /, before: str, after: str, **options: Any) -> None:
    """Say whether a change helped.

    BEFORE and AFTER are ids of MLflow runs, or paths of files as `diagnose` takes them; several
    on one side, separated by commas, are repetitions with other seeds. Where the params name the
    seeds and both sides have the same, runs are compared in pairs. Nothing is written into the
    runs. One run on each side cannot show how much seeds differ: that is assumed there, and said.

    Exit codes: 0 better or no difference, 1 worse, 2 could not tell.
    """
    from tuneguard.comparison import compare as compare_runs

    measures = dict(map(_measure, split_names(options["metrics"])))
    sides = [_targets(before), _targets(after)]
    if not all(is_file(one) for side in sides for one in side):
        say_tracking_uri(options["tracking_uri"])
    roles = dict(map(role_and_key, options["role_keys"]))
    first, second = (_read(side, options["tracking_uri"], roles) for side in sides)
    comparison = compare_runs(
        first,
        second,
        measures=measures,
        paired_on=options["paired_on"],
        seed_noise=options["seed_noise"],
    )
    write_result([_page(comparison, options)], options["output"])
    say_run_pages([*first, *second])
    ctx.exit(_exit_code(comparison, options["fail_on"]))


def _targets(side: str) -> tuple[str, ...]:
    """Split one side into runs; the path of a file may hold a comma itself."""
    if side and Path(side).exists():
        return (side,)
    targets = split_names([side])
    if not targets:
        raise click.UsageError("BEFORE and AFTER each name at least one run or file.")
    return tuple(dict.fromkeys(targets))


def _measure(text: str) -> tuple[str, bool | None]:
    name, separator, direction = text.rpartition("=")
    if not separator:
        return text, None
    if direction not in _DIRECTIONS:
        raise click.BadParameter(
            f"{text!r} ends in neither =higher nor =lower", param_hint="--metric"
        )
    return name, _DIRECTIONS[direction]


def _read(
    side: tuple[str, ...], tracking_uri: str | None, roles: Mapping[str, str]
) -> list[RunHistory]:
    return [load_history(one, tracking_uri, roles) for one in side]


def _page(comparison: Comparison, options: Mapping[str, Any]) -> str:
    from tuneguard.reports.comparison import document, html, markdown, text

    output_format = options["output_format"]
    if output_format == "json":
        page = document.to_json(comparison)
    elif output_format == "markdown":
        page = markdown.render_markdown(comparison)
    elif output_format == "html":
        page = html.render_html(comparison)
    else:
        page = text.render_text(
            comparison,
            color=options["output"] is None and wants_color(),
            width=terminal_width(),
            curves=options["output"] is not None or can_show_blocks(),
        )
    return page.rstrip("\n") + "\n"


def _exit_code(comparison: Comparison, fail_on: str) -> ExitCode:
    """Return the exit code; where nothing can be told, standard error says what to do."""
    if comparison.verdict == "cannot tell":
        say(f"Cannot tell: {comparison.reason}. {comparison.settle}")
        return ExitCode.COULD_NOT_TELL
    failing = {"worse": {"worse"}, "not-better": {"worse", "no difference"}, "never": set()}
    return ExitCode.FOUND if comparison.verdict in failing[fail_on] else ExitCode.NOTHING_FOUND
