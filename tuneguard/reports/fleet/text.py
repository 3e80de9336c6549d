"""The runs of an experiment for the terminal: those that need a person, the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tuneguard.reports.fleet import phrases
from tuneguard.reports.untrusted import cleaned, clipped_in_the_middle
from tuneguard.scanned_run import ScannedRun, ScanSummary

_STYLES: Final = {"critical": "1;31", "warning": "1;33", "info": "1;36", "inconclusive": "1;35"}
_NAME: Final = 24


def render_text(summary: ScanSummary, *, color: bool, verbose: bool = False) -> str:
    """Return the runs as lines of text.

    Args:
        summary: What was found.
        color: Whether to mark verdicts with ANSI colours.
        verbose: Whether to list healthy runs too.
    """
    return "\n".join(_lines(cleaned(summary), color=color, verbose=verbose)) + "\n"


def _lines(summary: ScanSummary, *, color: bool, verbose: bool) -> Iterator[str]:
    yield f"Experiment {summary.experiment}, {phrases.headline(summary)}."
    yield f"{phrases.effort(summary)}; tracking URI {summary.tracking_uri}"
    listed = [run for run in summary.readable if verbose or run.verdict != "healthy"]
    if listed:
        yield ""
        yield f"{'VERDICT':<12}  {'RUN':<{_NAME}}  {'ID':<32}  FINDINGS"
    for run in listed:
        yield _row(run, color=color)
    if summary.unreadable:
        yield ""
        yield "Could not be read:"
    for run in summary.unreadable:
        yield f"  {run.run_id}  {run.reason}"
    left_out = len(summary.readable) - len(listed)
    if left_out:
        runs = "1 healthy run is" if left_out == 1 else f"{left_out:,} healthy runs are"
        yield ""
        yield f"{runs} not listed: --verbose lists all."


def _row(run: ScannedRun, *, color: bool) -> str:
    verdict = f"{run.verdict[:12]:<12}"
    if color and run.verdict in _STYLES:
        verdict = f"\x1b[{_STYLES[run.verdict]}m{verdict}\x1b[0m"
    name = clipped_in_the_middle(phrases.name(run), _NAME)
    said = "; ".join(part for part in (phrases.findings(run), _still(run), run.reason) if part)
    return f"{verdict}  {name:<{_NAME}}  {run.run_id:<32}  {said}".rstrip()


def _still(run: ScannedRun) -> str:
    return "still running" if run.status == "RUNNING" else ""
