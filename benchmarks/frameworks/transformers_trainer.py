"""The Trainer of Hugging Face, logged by its own callback for MLflow."""

from __future__ import annotations

import mlflow
import torch
from torch import nn
from transformers import EvalPrediction, Trainer, TrainingArguments

from benchmarks.frameworks.networks import network, optimizer
from benchmarks.frameworks.programs import Arrays, Program
from tuneguard.transformers import TuneGuardCallback

__all__ = ["LINE", "NAME", "OWN_LOGGING", "train"]

NAME = "Hugging Face Trainer"
OWN_LOGGING = '`report_to="mlflow"`, `logging_steps=10`'
LINE = "`Trainer(callbacks=[TuneGuardCallback()])`"


class Classifier(nn.Module):
    """A network that returns its loss, as the Trainer wants it."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.network = network(program)

    def forward(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.network(images)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def train(program: Program, store: str, is_attached: bool) -> str:
    """Train a program with the Trainer's defaults, but for the rate, which is constant."""
    mlflow.set_tracking_uri(store)
    model = Classifier(program)
    training, validation = program.split()
    trainer = Trainer(
        model,
        TrainingArguments(
            output_dir="out",
            use_cpu=True,
            num_train_epochs=program.epochs,
            per_device_train_batch_size=program.batch_size,
            dataloader_drop_last=True,
            learning_rate=program.learning_rate,
            lr_scheduler_type="constant",
            eval_strategy="epoch",
            save_strategy="no",
            logging_steps=10,
            report_to="mlflow",
            disable_tqdm=True,
        ),
        train_dataset=_dataset(training),
        eval_dataset=_dataset(validation),
        compute_metrics=_accuracy,
        optimizers=(optimizer(program, model.parameters()), None),
        callbacks=[TuneGuardCallback()] if is_attached else [],
    )
    trainer.train()
    run = mlflow.last_active_run()
    if run is None:
        raise RuntimeError("the Trainer opened no run")
    return str(run.info.run_id)


def _dataset(arrays: Arrays) -> list[dict[str, torch.Tensor]]:
    return [
        {"images": torch.from_numpy(image), "labels": torch.tensor(label)}
        for image, label in zip(*arrays, strict=True)
    ]


def _accuracy(found: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}
