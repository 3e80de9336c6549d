"""Where a Trainer is recorded, and that nothing stays attached to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from torch import nn
from transformers import Trainer
from transformers.integrations import MLflowCallback

from tests.frameworks.hugging_face.conftest import Item, examples
from tuneguard import keys
from tuneguard.findings import Finding, Passed
from tuneguard.recording import budget
from tuneguard.rules.validation_leak import ValidationLeak
from tuneguard.transformers import TuneGuardCallback

Train = Callable[..., Any]


@pytest.mark.parametrize("own", ["training_step", "none"])
def test_the_trainer_gets_its_methods_back(train: Train, net: nn.Module, own: str) -> None:
    before: dict[str, Any] = {}

    def wrap(trainer: Trainer) -> None:
        if own != "none":
            setattr(trainer, own, partial(getattr(trainer, own)))
        before.update(vars(trainer))

    trained = train(net, prepare=wrap, max_steps=4)
    for name in ("training_step", "compute_loss", "get_batch_samples", "prediction_step"):
        assert vars(trained.trainer).get(name) is before.get(name)
    assert len(trained.values(keys.TRAIN_LOSS)) == 4


def test_a_run_is_started_and_ended_where_none_is_open(
    train: Train, net: nn.Module, client: MlflowClient
) -> None:
    trained = train(net, max_steps=4)
    assert client.get_run(trained.guard.run_id).info.status == "FINISHED"
    assert mlflow.active_run() is None


def test_a_run_that_is_open_is_used_and_left_open(train: Train, net: nn.Module) -> None:
    with mlflow.start_run() as run:
        trained = train(net, max_steps=4)
        assert trained.guard.run_id == run.info.run_id
        active = mlflow.active_run()
        assert active is not None
        assert active.info.run_id == run.info.run_id


@pytest.mark.parametrize("place", ["report_to", "added last"])
def test_the_trainers_own_run_holds_both_and_no_key_twice(
    train: Train, net: nn.Module, client: MlflowClient, place: str
) -> None:
    def add(trainer: Trainer) -> None:
        if place == "added last":
            trainer.add_callback(MLflowCallback)

    changes = {"report_to": "mlflow"} if place == "report_to" else {}
    trained = train(net, prepare=add, eval_strategy="epoch", run_name="mine", **changes)
    (run,) = client.search_runs(
        [experiment.experiment_id for experiment in client.search_experiments()]
    )
    assert run.info.run_id == trained.guard.run_id
    assert run.info.run_name == "mine"
    assert run.info.status == "FINISHED"
    logged = {"loss", "grad_norm", "learning_rate", "eval_loss"}
    recorded = {"train/loss", "gradient_norm/global", "learning_rate/0", "validation/loss"}
    assert logged | recorded <= set(run.data.metrics)
    history = trained.history
    assert len(history.series["loss"]) == 10
    assert len(history.series["train/loss"]) == 20
    assert history.series["loss"].values[0] == pytest.approx(
        history.series["train/loss"].values[:2].mean(), rel=1e-3
    )
    assert history.roles["train_loss"] == "train/loss"
    assert history.roles["validation_loss"] == "validation/loss"
    assert history.notes == ()


def test_evaluations_are_recorded_by_their_bare_names(train: Train, net: nn.Module) -> None:
    def two(trainer: Trainer) -> None:
        items = trainer.eval_dataset
        trainer.eval_dataset = {"near": items, "far": items}
        trainer.compute_metrics = lambda found: {
            "accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())
        }

    trained = train(net, prepare=two, eval_strategy="steps", eval_steps=10, eval_on_start=True)
    validations = {key for key in trained.history.series if key.startswith("validation/")}
    names = {f"{place}_{what}" for place in ("near", "far") for what in ("loss", "accuracy")}
    assert validations == {f"validation/{name}" for name in names}
    assert trained.steps("validation/near_loss") == [0.0, 9.0, 19.0]


def test_an_evaluation_outside_of_a_training_is_not_recorded(
    train: Train, net: nn.Module, client: MlflowClient
) -> None:
    trained = train(net, max_steps=4)
    trained.trainer.evaluate()
    trained.trainer.log({"later": 1.0})
    assert not any(key.startswith("validation/") for key in trained.history.series)


def test_a_resumed_training_goes_on_at_its_step(train: Train, tmp_path: Path) -> None:
    from tests.frameworks.hugging_face.conftest import Net

    torch.manual_seed(0)
    changes = {"save_strategy": "steps", "save_steps": 12, "max_grad_norm": 0.05}
    whole = train(Net(), **changes)
    resumed = train(Net(), resume=tmp_path / "out" / "checkpoint-12", **changes)
    assert resumed.steps(keys.TRAIN_LOSS) == [float(step) for step in range(12, 20)]
    assert resumed.values(keys.TRAIN_LOSS) == pytest.approx(
        whole.values(keys.TRAIN_LOSS)[12:], rel=1e-4
    )
    assert resumed.values(keys.GRADIENT_NORM_GLOBAL) == pytest.approx(resumed.witness.norms)


def test_a_training_that_an_exception_ended_is_closed_by_the_next(
    train: Train, net: nn.Module, client: MlflowClient
) -> None:
    guard = TuneGuardCallback(live=False)
    steps = 0

    def break_off(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == 5:
            raise KeyboardInterrupt

    hook = net.register_forward_pre_hook(break_off)
    with pytest.raises(KeyboardInterrupt):
        train(net, guard)
    broken = guard.run_id
    assert broken is not None
    hook.remove()
    trained = train(net, guard, max_steps=3)
    assert client.get_run(broken).info.status == "FAILED"
    assert trained.guard.run_id != broken
    assert len(trained.values(keys.TRAIN_LOSS)) == 3


def test_a_training_that_an_exception_ended_can_be_closed_by_hand(
    train: Train, net: nn.Module, client: MlflowClient
) -> None:
    guard = TuneGuardCallback(live=False)
    net.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(net, guard)
    guard.close("KILLED")
    assert client.get_run(guard.run_id).info.status == "KILLED"


def test_a_recording_that_cannot_begin_leaves_the_training_alone(
    train: Train, net: nn.Module, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from tuneguard.transformers import callback

    monkeypatch.setattr(callback, "calling_trainer", lambda: 1 / 0)
    trained = train(net, max_steps=4)
    assert trained.trainer.state.global_step == 4
    assert caplog.text.count("The training is not recorded: division by zero") == 1


def test_what_is_known_of_the_training_goes_along(train: Train, net: nn.Module) -> None:
    known = train(net, max_steps=4, learning_rate=0.02).history.hyperparameters
    assert (known.learning_rate, known.batch_size, known.train_samples) == (0.02, 4.0, 40.0)
    assert (known.planned_steps, known.optimizer) == (4.0, "AdamW")
    assert known.loss_graph == "NllLoss < LogSoftmax < Addmm"


@pytest.mark.parametrize("leaked", [0, 40])
def test_samples_of_both_splits_are_compared(
    train: Train,
    net: nn.Module,
    data: list[Item],
    leaked: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budget, "DENSE_SECONDS", math.inf)  # however busy the machine is
    validation = examples(100)[60:]

    def change(trainer: Trainer) -> None:
        trainer.eval_dataset = data[:leaked] + validation

    trained = train(net, prepare=change, items=examples(60), eval_strategy="epoch")
    assert set(trained.values(keys.VALIDATION_SAMPLES)) == {len(validation) + leaked}
    assert trained.values(keys.EXAMINED_SAMPLES) == [60, 120]
    assert set(trained.values(keys.SHARED_VALIDATION_SAMPLES)) == {leaked}
    outcome = ValidationLeak().check(trained.history)
    assert isinstance(outcome, Finding if leaked else Passed)
