"""Small runs as a team leaves them in MLflow: some overfit, others do not."""

from __future__ import annotations

import math
from random import Random

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from tuneguard import diagnose, load_run
from tuneguard.reviewing import publish_review

EPOCHS = 60


class Team:
    """Writes runs into one experiment.

    Args:
        client: Client of the store.
        name: Name of the experiment.
    """

    def __init__(self, client: MlflowClient, name: str = "vision") -> None:
        self.client = client
        self.uri = client.tracking_uri
        self.experiment = client.create_experiment(name)
        self._clock = 1_000_000

    def run(
        self, *, overfits: bool = False, norm: float = 1.0, reviewed: bool = True, **params: object
    ) -> str:
        """Log a run, the next one to begin, and return its id."""
        self._clock += 1000
        run = self.client.create_run(self.experiment, start_time=self._clock)
        run_id = str(run.info.run_id)
        wobble = Random(run_id)
        points = []
        for epoch in range(EPOCHS):
            train, validation = _losses(epoch, overfits=overfits)
            values = {
                "train_loss": train + 0.01 * wobble.gauss(0, 1),
                "val_loss": validation + 0.01 * wobble.gauss(0, 1),
                "grad_norm": norm * math.exp(0.1 * wobble.gauss(0, 1)),
            }
            points += [Metric(key, value, 0, epoch) for key, value in values.items()]
        settings = [Param(key, str(value)) for key, value in params.items()]
        self.client.log_batch(run_id, metrics=points, params=settings)
        self.client.set_terminated(run_id)
        if reviewed:
            publish_review(diagnose(load_run(run_id, self.uri)), tracking_uri=self.uri)
        return run_id


def _losses(epoch: int, *, overfits: bool) -> tuple[float, float]:
    if overfits:
        rise = 0.03 * max(0, epoch - 15)
        return 0.02 + 2 * math.exp(-epoch / 12), 0.6 + 1.6 * math.exp(-epoch / 5) + rise
    falling = 0.3 + 2 * math.exp(-epoch / 12)
    return falling, falling + 0.05
