"""Lightning's quick-start example on a program, whatever logs it."""

from __future__ import annotations

from typing import Any

import lightning as pl
import torch
from torch import nn

from benchmarks.frameworks.networks import loaders, network, optimizer
from benchmarks.frameworks.programs import Program
from tuneguard.lightning import TuneGuardCallback

LINE = "`Trainer(callbacks=[TuneGuardCallback()])`"


class Classifier(pl.LightningModule):
    """The module of the quick start."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program
        self.network = network(program)

    def training_step(self, batch: Any) -> torch.Tensor:
        images, labels = batch
        loss = nn.functional.cross_entropy(self.network(images), labels)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any) -> None:
        images, labels = batch
        outputs = self.network(images)
        self.log("val_loss", nn.functional.cross_entropy(outputs, labels))
        self.log("val_acc", (outputs.argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optimizer(self.program, self.parameters())


def fit(program: Program, logger: Any, is_attached: bool) -> None:
    """Train a program with Lightning's defaults, but for what it prints and the checkpoints."""
    trainer = pl.Trainer(
        max_epochs=program.epochs,
        accelerator="cpu",
        logger=logger,
        callbacks=[TuneGuardCallback()] if is_attached else [],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Classifier(program), *loaders(program))
