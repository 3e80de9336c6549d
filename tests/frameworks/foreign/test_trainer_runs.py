"""Runs that Hugging Face's own callback logged into MLflow, which tuneguard never touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch
from torch import nn
from transformers import EvalPrediction, Trainer, TrainingArguments

from tuneguard import RunHistory, diagnose, load_run

STEPS = 120


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.layers(inputs)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def logged(folder: Path, *, gap: bool = False, **changes: Any) -> tuple[RunHistory, Trainer]:
    inputs = torch.randn(200, 6, generator=torch.Generator().manual_seed(1))
    labels = inputs[:, :3].argmax(1)
    if gap:
        inputs[50] = torch.nan
    data = [{"inputs": one, "labels": label} for one, label in zip(inputs, labels, strict=True)]
    usual: dict[str, Any] = {
        "output_dir": str(folder / "out"),
        "use_cpu": True,
        "report_to": "mlflow",
        "save_strategy": "no",
        "per_device_train_batch_size": 8,
        "max_steps": STEPS,
        "learning_rate": 0.01,
        "logging_steps": 2,
        "eval_strategy": "steps",
        "eval_steps": 10,
        "disable_tqdm": True,
    }
    trainer = Trainer(
        Classifier(),
        TrainingArguments(**(usual | changes)),
        train_dataset=data[:160],
        eval_dataset=data[160:],
        compute_metrics=accuracy,
    )
    trainer.train()
    run = mlflow.last_active_run()
    assert run is not None
    return load_run(run.info.run_id), trainer


def accuracy(found: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> RunHistory:
    folder = tmp_path_factory.mktemp("trainer")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    found, _ = logged(folder)
    mlflow.set_tracking_uri(before)
    return found


def test_what_is_logged_gets_its_roles(history: RunHistory) -> None:
    assert dict(history.roles) == {
        "train_loss": "loss",
        "validation_loss": "eval_loss",
        "gradient_norm": "grad_norm",
        "learning_rate": "learning_rate",
    }
    assert [(one.key, one.split) for one in history.metrics] == [("eval_accuracy", "validation")]


def test_everything_counts_optimizer_steps(history: RunHistory) -> None:
    for key in ("loss", "grad_norm", "learning_rate", "eval_loss", "eval_accuracy"):
        assert history.series[key].axis == "step"
        assert history.series[key].steps[-1] == STEPS
    assert history.series["loss"].steps[0] == 2.0
    assert history.series["eval_loss"].positions[0] == pytest.approx(10 / STEPS)


def test_the_summary_of_the_training_is_not_taken_for_its_loss(history: RunHistory) -> None:
    assert len(history.series["train_loss"]) == 1
    assert len(history.series["loss"]) == STEPS / 2


def test_the_arguments_are_known_as_settings(history: RunHistory) -> None:
    known = history.hyperparameters
    assert (known.learning_rate, known.batch_size, known.clip_norm) == (0.01, 8.0, 1.0)
    assert known.optimizer is not None
    assert known.optimizer.startswith("adamw")


def test_the_line_that_records_the_rest_is_named_once(history: RunHistory) -> None:
    (note,) = [one for one in history.notes if "TuneGuardCallback" in one]
    assert note.startswith("The run has what Hugging Face's Trainer logs.")
    assert 'pip install "tuneguard[transformers]"' in note
    assert history.notes == (note,)


def test_a_healthy_run_has_no_alarm_and_says_what_could_not_be_judged(
    history: RunHistory,
) -> None:
    diagnosis = diagnose(history)
    assert diagnosis.verdict in {"healthy", "info", "inconclusive"}
    assert {"vanishing-gradients", "dead-units"} <= {one.rule for one in diagnosis.abstained}


def test_a_loss_that_the_trainer_hides_is_found_by_its_gradient(
    tracking_uri: str, tmp_path: Path
) -> None:
    history, trainer = logged(tmp_path, gap=True)
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    assert all(one == pytest.approx(one) for one in losses)
    found = {one.rule: one for one in diagnose(history).all_findings()}
    assert found["non-finite-values"].evidence[0].metric == "grad_norm"
