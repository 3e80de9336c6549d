"""`tuneguard diagnose`: read runs, print what was found, write the review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tuneguard.cli import options
from tuneguard.cli.examination import Examined, Request, examine, is_file, write_reviews
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.output import write_result
from tuneguard.cli.rendering import FORMATS, render
from tuneguard.cli.settings import settle


@click.command(
    epilog="""\b
Examples:
  tuneguard diagnose 6f1c2b7e9d0a4c55b3f2a1d0e9c8b7a6
  tuneguard diagnose RUN_ID --no-write --format json --output diagnosis.json
  tuneguard diagnose history.csv --map train_loss=my/objective
  tuneguard diagnose lightning_logs/version_0
  tuneguard diagnose history.csv --to-mlflow imported
  tuneguard diagnose RUN_ID OTHER_ID --select TG1,TG401 --fail-on critical
"""
)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@options.output_format(
    FORMATS,
    "How to print the diagnosis. Several targets in json are one document: a list under "
    "`diagnoses`, and under `errors` the targets that could not be read; sarif, junit and github "
    "are for pipelines.",
)
@options.output
@options.select
@options.ignore
@options.fail_on(
    options.SEVERITIES, "warning", "Exit with 1 where a finding is at least this severe."
)
@options.tracking_uri
@options.config
@options.role_keys("train_loss, validation_loss, gradient_norm, learning_rate, ...")
@click.option(
    "--to-mlflow",
    metavar="EXPERIMENT",
    help="Import each file as a run of this experiment, created where there is none, and write "
    "the review there. A file of the same content is imported once.",
)
@options.evidence_from
@click.option(
    "--baseline",
    metavar="EXPERIMENT|RUN_IDS",
    help="Say where the run leaves the range of good ones at the same steps: of the last ten "
    "healthy runs of this experiment, or of these runs, their ids separated by commas. Advice, "
    "no alarm.",
)
@click.option("--no-write", is_flag=True, help="Leave the run alone: write no review into MLflow.")
@click.option(
    "--no-traces",
    is_flag=True,
    help="Write the review without a trace for each finding, on which people give feedback.",
)
@click.option("--force", is_flag=True, help="Write the review even where nothing has changed.")
@click.option(
    "--verbose",
    is_flag=True,
    help="Print also why there was no alarm: what every rule measured, and its thresholds.",
)
@click.pass_context
def diagnose(ctx: click.Context, /, **options: Any) -> None:
    """Say what went wrong in runs.

    A TARGET is the id of an MLflow run, or the path of a history: a CSV or JSON file, or a folder
    of Lightning, Ultralytics, the Hugging Face Trainer or TensorBoard. The review of a run is
    written into the run; a file is only read, unless --to-mlflow imports it. Every target is
    diagnosed even where another one fails, and the worst exit code wins. What --evidence-from and
    --baseline add is printed; the review in MLflow stays that of the run alone.
    """
    request = _request(**options)
    examined: list[Examined] = []
    chunks = render(examine(request, examined), request)
    write_result(chunks, request.output)
    codes = [one.exit_code(request.fail_on) for one in examined]
    if not (request.no_write or write_reviews(examined, request)):
        codes.append(ExitCode.COULD_NOT_TELL)
    ctx.exit(max(codes))


def _request(
    targets: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    role_keys: tuple[str, ...],
    config: Path | None,
    **options: Any,
) -> Request:
    request = Request(
        targets=tuple(dict.fromkeys(targets)),
        settings=settle(select, ignore, role_keys, config),
        **options,
    )
    runs = [target for target in request.targets if not is_file(target)]
    if request.to_mlflow is not None and runs:
        raise click.UsageError(f"--to-mlflow imports files, and {runs[0]} is no path of one.")
    if request.to_mlflow is not None and request.no_write:
        raise click.UsageError("--to-mlflow and --no-write exclude each other.")
    if request.output_format == "html" and len(request.targets) > 1:
        raise click.UsageError("--format html is one page about one run: give one TARGET.")
    if request.output is not None and not request.output.absolute().parent.is_dir():
        raise click.BadParameter(
            f"there is no folder {request.output.parent}", param_hint="--output"
        )
    return request
