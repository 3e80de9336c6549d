"""Experiments with several small runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tuneguard.fleet.examiner import Assignment
from tuneguard.rules import BUILTIN_RULES

EXPERIMENT = "training"
NOW = int(time.time() * 1000)
MakeRun = Callable[..., str]


@pytest.fixture
def experiment_id(client: MlflowClient) -> str:
    return client.create_experiment(EXPERIMENT)


@pytest.fixture
def make_run(client: MlflowClient, experiment_id: str) -> MakeRun:
    """A finished run: healthy, or one that diverges at half its length."""

    def make(name: str = "run", *, sick: bool = False, **params: object) -> str:
        run = client.create_run(experiment_id, run_name=name)
        losses = [2.0 * 0.93**step + 0.01 * (-1) ** step for step in range(120)]
        if sick:
            losses[60:] = [1.1**step for step in range(60)]
        rows = [Metric("train_loss", y, NOW + 10 * x, x) for x, y in enumerate(losses)]
        client.log_batch(run.info.run_id, metrics=rows)
        for key, value in params.items():
            client.log_param(run.info.run_id, key, value)
        client.set_terminated(run.info.run_id)
        return run.info.run_id

    return make


@pytest.fixture
def assignment(tracking_uri: str) -> Assignment:
    return Assignment(tracking_uri, tuple(rule() for rule in BUILTIN_RULES))
