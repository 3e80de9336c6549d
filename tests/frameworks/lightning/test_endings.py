"""How a training begins again, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as pl
import pytest
import torch
from mlflow import MlflowClient

from tests.frameworks.lightning.modules import BATCH, SAMPLES, Classifier, loader
from tuneguard import Finding, keys, load_run
from tuneguard.lightning import TuneGuardCallback

NewTrainer = Callable[..., pl.Trainer]
BATCHES = SAMPLES // BATCH


class Interrupted(Classifier):
    """A training that ends in its ninth batch."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def on_train_batch_start(self, batch: Any, number: int) -> None:
        if self.trainer.global_step == 8:
            raise self.error


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "KILLED"), (ValueError("no"), "FAILED")]
)
def test_what_was_recorded_is_delivered_where_training_breaks_off(
    trainer: NewTrainer, client: MlflowClient, error: BaseException, status: str
) -> None:
    callback = TuneGuardCallback()
    # Lightning exits where it was interrupted
    with pytest.raises((ValueError, SystemExit)):
        trainer(callback).fit(Interrupted(error), loader())

    assert callback.run_id is not None
    assert client.get_run(callback.run_id).info.status == status
    assert len(load_run(callback.run_id).series[keys.TRAIN_LOSS]) == 8


def test_a_trial_of_one_batch_leaves_no_run(trainer: NewTrainer, client: MlflowClient) -> None:
    callback = TuneGuardCallback()
    trainer(callback, fast_dev_run=True).fit(Classifier(), loader(), loader(seed=1))

    assert callback.run_id is None
    assert not client.search_runs(["0"])


def test_a_training_goes_on_at_the_step_of_its_checkpoint(
    trainer: NewTrainer, client: MlflowClient, tracking_uri: str, tmp_path: Path
) -> None:
    first = TuneGuardCallback()
    begun = trainer(first, max_epochs=1)
    begun.fit(Classifier(), loader())
    begun.save_checkpoint(tmp_path / "last.ckpt")

    again = TuneGuardCallback(run_id=first.run_id)
    trainer(again, max_epochs=2).fit(
        Classifier(), loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=False
    )

    assert again.run_id == first.run_id is not None
    steps = load_run(again.run_id, tracking_uri).series[keys.TRAIN_LOSS].steps
    assert list(steps) == list(range(2 * BATCHES))


def test_a_training_that_is_lost_ends_early(
    trainer: NewTrainer, client: MlflowClient, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Classifier):
        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            loss = super().training_step(batch, number)
            return loss * float("nan") if self.trainer.global_step > 20 else loss

    found: list[Finding] = []
    callback = TuneGuardCallback(stop_early=True, on_finding=found.append, flush_every=10)
    ended = trainer(callback, max_epochs=100_000, max_time={"minutes": 3})
    ended.fit(Broken(), loader())

    assert "tuneguard stops the training" in caplog.text
    assert [one.rule for one in found] == ["non-finite-values"]
    assert "tuneguard found non-finite-values (critical) while training" in caplog.text
    assert f"tuneguard diagnose {callback.run_id}" in caplog.text


def test_findings_are_printed_above_the_progress_bar(
    trainer: NewTrainer, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    class Silent(pl.pytorch.callbacks.ProgressBar):
        def __init__(self) -> None:
            super().__init__()
            self.lines: list[str] = []

        def disable(self) -> None:
            pass

        def print(self, *args: Any, **kwargs: Any) -> None:
            self.lines += args

    class Broken(Classifier):
        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            loss = super().training_step(batch, number)
            return loss * float("nan") if self.trainer.global_step > 20 else loss

    bar = Silent()
    callback = TuneGuardCallback(stop_early=True, flush_every=10)
    trainer(
        callback, bar, enable_progress_bar=True, max_epochs=100_000, max_time={"minutes": 3}
    ).fit(Broken(), loader())

    assert len(bar.lines) == 1
    assert bar.lines[0].startswith("tuneguard: non-finite-values (critical): ")


def test_an_unknown_option_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"takes no 'patience': known: .*stop_early"):
        TuneGuardCallback(patience=3)
    with pytest.raises(TypeError, match="takes no 'scaler': the Trainer knows it"):
        TuneGuardCallback(scaler=None)
    with pytest.raises(ValueError, match="budget must be a share"):
        TuneGuardCallback(budget=2.0)
