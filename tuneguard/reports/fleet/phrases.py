"""Phrases that every report of a scan shares."""

from __future__ import annotations

from tuneguard.scanned_run import ScannedRun, ScanSummary


def headline(summary: ScanSummary) -> str:
    """Return the counts of verdicts in one sentence, without its full stop.

    >>> headline(ScanSummary("mine", "", (ScannedRun("1", outcome="diagnosed", verdict="info"),)))
    '1 run: 1 info'
    """
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in summary.verdicts().items())
    lost = len(summary.unreadable)
    unread = f"{lost:,} could not be read" if lost else ""
    what = "; ".join(part for part in (counts, unread) if part)
    runs = "1 run" if len(summary.runs) == 1 else f"{len(summary.runs):,} runs"
    return f"{runs}: {what}" if what else runs


def effort(summary: ScanSummary) -> str:
    """Return how many runs had to be diagnosed."""
    found = summary.outcomes()
    return f"{found['diagnosed']:,} diagnosed, {found['unchanged']:,} unchanged since"


def findings(run: ScannedRun) -> str:
    """Return the findings of a run, causes before symptoms."""
    return ", ".join(f"{one.rule} ({one.since})" for one in run.findings)


def name(run: ScannedRun) -> str:
    """Return what a run is called."""
    return run.name.strip() or "(no name)"
