"""What the pages say of a run that has no report."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from mlflow.entities import Run

from tuneguard import keys
from tuneguard.scanned_run import ScannedRun
from tuneguard.server.duty import Duty
from tuneguard.server.run_ends import ENDED


def with_notes(runs: Iterable[ScannedRun], duty: Duty) -> list[ScannedRun]:
    """Return runs with the reason why one has not been diagnosed, where it is known."""
    return [replace(run, reason=note_of(run.run_id, duty)) for run in runs]


def note_of(run_id: str, duty: Duty) -> str:
    """Return what is known of a run's diagnosis beside the run itself; mostly nothing."""
    if run_id in duty.waiting:
        return "Waits for its diagnosis."
    failed = duty.failed.of(run_id)
    if failed is None:
        return ""
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(failed.at))
    return f"The diagnosis failed at {when} UTC: {failed.reason}"


def by_hand(run_id: str) -> str:
    """Return the command that diagnoses a run from anywhere."""
    return f"tuneguard diagnose {run_id} --tracking-uri ADDRESS_OF_THIS_SERVER"


def missing_report(run: Run, duty: Duty) -> tuple[str, list[str]]:
    """Return title and paragraphs of the page of a run that has no report."""
    run_id, tags = run.info.run_id, run.data.tags
    at_once = f"To have it at once: {by_hand(run_id)}"
    note = note_of(run_id, duty)
    if run.info.status not in ENDED:
        return "Still running", ["The run is diagnosed when it ends.", at_once]
    if run_id in duty.waiting:
        return "Waiting", [note, "Load this page again in a moment."]
    if note:
        return "The diagnosis failed", [note, "It is tried again later.", at_once]
    if tags.get(keys.TAG_FINGERPRINT):
        only_tags = "A scan wrote what it found into the run's tags, and no report."
        return "No report", [only_tags, f"To write one: {by_hand(run_id)} --force"]
    if not run.data.metrics:
        return "Nothing to diagnose", ["The run logged no metric."]
    later = "The server looks every few minutes for runs that ended lately without a diagnosis."
    return "Not diagnosed yet", [later, at_once]
