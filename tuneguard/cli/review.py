"""`tuneguard review`: what people said of findings, read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuneguard.cli import options
from tuneguard.cli.examination import say_tracking_uri
from tuneguard.cli.output import write_result
from tuneguard.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneguard.feedback import TracedFinding


@click.command(
    epilog="""\b
Examples:
  tuneguard review 6f1c2b7e9d0a4c55b3f2a1d0e9c8b7a6
  tuneguard review --experiment image-classifier --format markdown --output verdicts.md
  tuneguard review --experiment image-classifier --queue
"""
)
@click.argument("run_id", required=False, metavar="[RUN_ID]")
@click.option("--experiment", metavar="NAME", help="All runs of this experiment.")
@click.option(
    "--queue",
    is_flag=True,
    help="Put the findings that nobody has judged into a review queue of MLflow (3.14 or later).",
)
@options.output_format(["text", "json", "markdown"], "How to print the verdicts.")
@options.output
@options.tracking_uri
def review(**options: Any) -> None:
    """Say what people think of findings.

    Reads the feedback that people gave in MLflow on the findings of a run, or of all runs of an
    experiment, and counts the false alarms of each rule. The latest word of each person counts;
    feedback that says neither real problem nor false alarm is shown, and not counted.
    """
    asked = _Question(**options)
    if (asked.run_id is None) == (asked.experiment is None):
        raise click.UsageError("Give either a RUN_ID or --experiment NAME.")
    say_tracking_uri(asked.tracking_uri)
    findings = _read(asked)
    write_result([_rendered(findings, asked)], asked.output)
    if not findings:
        say("There is no finding to judge: `tuneguard diagnose` writes them, if it finds any.")
    elif asked.queue:
        _enqueue(findings, asked)
    else:
        _say_where(findings, asked)


@dataclass(frozen=True, slots=True)
class _Question:
    """What `review` was asked for, option by option."""

    run_id: str | None
    experiment: str | None
    queue: bool
    output_format: str
    output: Path | None
    tracking_uri: str | None


def _read(asked: _Question) -> tuple[TracedFinding, ...]:
    from tuneguard.storage.verdicts import read_experiment_verdicts, read_verdicts

    if asked.run_id is not None:
        return read_verdicts(asked.run_id, asked.tracking_uri)
    return read_experiment_verdicts(asked.experiment or "", asked.tracking_uri)


def _rendered(findings: Sequence[TracedFinding], asked: _Question) -> str:
    from tuneguard.reports import verdicts

    if asked.output_format == "json":
        return verdicts.verdicts_json(findings) + "\n"
    if not findings:
        return ""
    brief = asked.experiment is not None
    if asked.output_format == "markdown":
        return verdicts.verdicts_markdown(findings, brief=brief) + "\n"
    return verdicts.render_verdicts(findings, brief=brief)


def _enqueue(findings: Sequence[TracedFinding], asked: _Question) -> None:
    from tuneguard.storage.review_queue import QUEUE, enqueue

    is_whole = asked.experiment is not None
    put = enqueue(findings, asked.tracking_uri, is_whole_experiment=is_whole)
    say(f"{_waiting(put.count)} in the review queue {QUEUE!r}: {put.url}")


def _say_where(findings: Sequence[TracedFinding], asked: _Question) -> None:
    """Say where the newest finding that nobody has judged can be judged."""
    from tuneguard.storage.health import tracking_uri_in_use
    from tuneguard.storage.run_page import findings_page

    waiting = [one for one in findings if one.outcome == "unreviewed"]
    if waiting:
        uri = tracking_uri_in_use(asked.tracking_uri)
        page = findings_page(uri, waiting[0].experiment_id, waiting[0].run_id)
        say(f"{_waiting(len(waiting))} for a verdict, the newest here: {page}")


def _waiting(count: int) -> str:
    return "1 finding waits" if count == 1 else f"{count} findings wait"
