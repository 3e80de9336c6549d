"""`tuneguard evidence`: which prescriptions helped in the runs of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuneguard.cli import options
from tuneguard.cli.examination import say_tracking_uri
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.output import write_result
from tuneguard.cli.past_runs import evidence_of
from tuneguard.cli.terminal import say

if TYPE_CHECKING:
    from tuneguard.evidence import PastEvidence


@click.command(
    epilog="""\b
Examples:
  tuneguard evidence --experiment vision
  tuneguard evidence --experiment vision --format markdown --output evidence.md
  tuneguard diagnose RUN_ID --evidence-from vision
"""
)
@click.option("--experiment", required=True, metavar="NAME", help="The experiment, or its id.")
@click.option(
    "--most-diagnoses",
    type=click.IntRange(min=1),
    default=300,
    show_default=True,
    help="How many diagnoses to read at most, those of the newest runs first.",
)
@click.option(
    "--most-comparisons",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many pairs of runs to compare at most, the newest first.",
)
@options.output_format(["text", "json", "markdown"], "How to print the counts.")
@options.output
@options.tracking_uri
@click.pass_context
def evidence(  # noqa: PLR0913, PLR0917 - an argument for each option
    ctx: click.Context,
    /,
    experiment: str,
    most_diagnoses: int,
    most_comparisons: int,
    output_format: str,
    output: Path | None,
    tracking_uri: str | None,
) -> None:
    """Say which prescriptions helped in the past.

    Counts how often each change was tried against each finding, and how often it helped: in the
    attempts of treatments, and in pairs of runs of which the later one changed just what was
    prescribed for the earlier one. Findings that people call a false alarm are left out. Nothing
    is written.

    Exit codes: 0 something was tried, 2 nothing was, or it could not be read.
    """
    say_tracking_uri(tracking_uri)
    found = evidence_of(experiment, tracking_uri, most_diagnoses, most_comparisons)
    write_result([_rendered(found, output_format)], output)
    if not found.records:
        say(
            f"Nothing that was prescribed was tried in {experiment!r} yet: diagnose its runs with "
            "`tuneguard scan --write-review`, change one prescribed setting at a time and log it "
            "as a param, or let `tuneguard treat` do that."
        )
        ctx.exit(ExitCode.COULD_NOT_TELL)


def _rendered(found: PastEvidence, output_format: str) -> str:
    from tuneguard.reports import evidence as reports

    if output_format == "json":
        return reports.evidence_json(found) + "\n"
    if output_format == "markdown":
        return reports.evidence_markdown(found) + "\n"
    return reports.render_evidence(found)
