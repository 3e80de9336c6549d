"""Modules to train, which write down the norm of each gradient before it can be clipped."""

from __future__ import annotations

from typing import Any

import lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SAMPLES, BATCH = 64, 8


def loader(samples: int = SAMPLES, seed: int = 0) -> DataLoader[Any]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(samples, 6, generator=generator)
    return DataLoader(TensorDataset(inputs, (inputs[:, 0] > 0).long()), batch_size=BATCH)


def norm_of(module: nn.Module) -> float:
    """The norm of all gradients, in double precision."""
    found = [one.grad.double().flatten() for one in module.parameters() if one.grad is not None]
    return float(torch.cat(found).norm())


class Classifier(pl.LightningModule):
    """The quick start's way: Lightning does the optimization.

    Attributes:
        norms: Of each gradient, taken right before the Trainer clips it.
        losses: Of each micro-batch.
    """

    def __init__(self, rate: float = 0.05, key: str = "train_loss") -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 2))
        self.rate, self.key = rate, key
        self.norms: list[float] = []
        self.losses: list[float] = []

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        inputs, targets = batch
        loss = nn.functional.cross_entropy(self.net(inputs), targets)
        self.losses.append(loss.item())
        self.log(self.key, loss)
        return loss

    def validation_step(self, batch: Any, number: int) -> None:
        inputs, targets = batch
        outputs = self.net(inputs)
        self.log("val_loss", nn.functional.cross_entropy(outputs, targets))
        self.log("val_acc", (outputs.argmax(1) == targets).float().mean(), prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.rate)

    def configure_gradient_clipping(self, optimizer: Any, **settings: Any) -> None:
        self.norms.append(norm_of(self))
        self.clip_gradients(optimizer, **settings)


class ManualClassifier(Classifier):
    """The loop inside of `training_step` is the user's, clipping and accumulation included."""

    def __init__(self, accumulate: int = 1, optimizers: int = 1) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.accumulate, self.count = accumulate, optimizers

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        loss = super().training_step(batch, number)
        self.manual_backward(loss / self.accumulate)
        if (number + 1) % self.accumulate == 0:
            self.norms.append(self._unscaled_norm())
            many = self.optimizers()
            for optimizer in many if isinstance(many, list) else [many]:
                self.clip_gradients(optimizer, 0.1, "norm")
                optimizer.step()
                optimizer.zero_grad()
        return loss

    def configure_optimizers(self) -> Any:
        parts = [self] if self.count == 1 else [self.net[0], self.net[2]]
        return [torch.optim.SGD(one.parameters(), lr=self.rate) for one in parts]

    def _unscaled_norm(self) -> float:
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        return norm_of(self) / (scaler.get_scale() if scaler else 1.0)
