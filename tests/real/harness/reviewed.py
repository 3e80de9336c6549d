"""Runs that were trained, recorded and diagnosed, ready to be looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.real.harness.command import tuneguard

EXPERIMENT = "trainings"


@dataclass(frozen=True)
class ReviewedRun:
    """A run that carries its review.

    Attributes:
        kind: How it was trained.
        run_id: The run.
        server: Tracking URI of the server that keeps it.
        link: Address of its page, as `tuneguard diagnose` printed it.
    """

    kind: str
    run_id: str
    server: str
    link: str


def train_and_review(server: str, folder: Path) -> dict[str, ReviewedRun]:
    """Train once in each way and diagnose all with one command.

    Args:
        server: Tracking URI of the server that shall keep the runs.
        folder: Where the command runs.

    Returns:
        The runs by the way that they were trained.
    """
    from tests.real.harness.trainings import TRAININGS, train

    runs = {kind: train(kind, server, EXPERIMENT) for kind in TRAININGS}
    done = tuneguard("diagnose", *runs.values(), "--tracking-uri", server, folder=folder)
    assert done.returncode == 1, done.stderr
    links = dict(re.findall(r"^Review of (\w+) written: (\S+)$", done.stderr, re.MULTILINE))
    return {
        kind: ReviewedRun(kind, run_id, server, links[run_id]) for kind, run_id in runs.items()
    }


def without_chatter(spool: Path) -> dict[str, str]:
    """Return an environment in which trainings spool into a folder, and MLflow prints nothing."""
    return {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "1",
        "TUNEGUARD_SPOOL": str(spool),
    }
