from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

LogRun = Callable[..., str]


@pytest.fixture
def experiment(client: MlflowClient, tmp_path: Path) -> str:
    location = (tmp_path / "artifacts").as_uri()
    return str(client.create_experiment("training", artifact_location=location))


@pytest.fixture
def log_run(client: MlflowClient, experiment: str) -> LogRun:
    """Log a run that diverges, as somebody's own training loop does."""

    def log(name: str = "mine", status: str | None = "FAILED", points: int = 120) -> str:
        run_id: str = client.create_run(experiment, run_name=name).info.run_id
        losses = [2 * math.exp(-step / 20) + 0.3 for step in range(80)]
        losses += [0.4 * 1.3 ** (step - 80) for step in range(80, points)]
        metrics = [Metric("loss", loss, step, step) for step, loss in enumerate(losses[:points])]
        client.log_batch(run_id, metrics=metrics)
        if status:
            client.set_terminated(run_id, status)
        return run_id

    return log
