"""Small models of Hugging Face's kind, and what training them has to leave behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments

from tuneguard import RunHistory, load_run
from tuneguard.transformers import TuneGuardCallback

Item = dict[str, torch.Tensor]
EXAMPLES = 40
CLASSES = 3


class Net(nn.Module):
    """A classifier as the Trainer wants it: it returns its loss."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(6, 16)
        self.last = nn.Linear(16, CLASSES)
        self.losses: list[float] = []

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.last(torch.tanh(self.first(inputs)))
        loss = nn.functional.cross_entropy(logits, labels)
        if self.training:
            self.losses.append(loss.item())
        return {"loss": loss, "logits": logits}


class SlowWitness(TrainerCallback):
    """Adds up what every backward pass gives each parameter, entry by entry, in double precision.

    Sees gradients before they are accumulated, and so before anybody clips.
    """

    def __init__(self, model: nn.Module) -> None:
        self.norms: list[float] = []
        self._sums: dict[str, torch.Tensor] = {}
        for name, parameter in model.named_parameters():
            parameter.register_hook(lambda gradient, name=name: self._add(name, gradient))

    def _add(self, name: str, gradient: torch.Tensor) -> None:
        before = self._sums.get(name, 0.0)
        self._sums[name] = before + gradient.detach().double()

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        squares = sum(entry**2 for one in self._sums.values() for entry in one.flatten().tolist())
        self.norms.append(math.sqrt(squares))
        self._sums = {}


@dataclass
class Trained:
    """A training that is over.

    Attributes:
        trainer: What trained.
        guard: Our callback.
        witness: What saw the gradients on another way.
    """

    trainer: Trainer
    guard: TuneGuardCallback
    witness: SlowWitness
    caught: list[BaseException] = field(default_factory=list)

    @property
    def history(self) -> RunHistory:
        assert self.guard.run_id is not None
        return load_run(self.guard.run_id)

    def values(self, key: str) -> list[float]:
        return self.history.series[key].values.tolist()

    def steps(self, key: str) -> list[float]:
        return self.history.series[key].steps.tolist()


Train = Callable[..., Trained]


def examples(count: int = EXAMPLES) -> list[Item]:
    """Return inputs whose class is the largest of the first three."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 6, generator=generator)
    return [{"inputs": one, "labels": one[:CLASSES].argmax()} for one in inputs]


@pytest.fixture
def data() -> list[Item]:
    return examples()


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def arguments(tmp_path: Path) -> Callable[..., TrainingArguments]:
    """Make arguments for a training of seconds, on the processor."""

    def make(**changes: Any) -> TrainingArguments:
        usual: dict[str, Any] = {
            "output_dir": str(tmp_path / "out"),
            "use_cpu": True,
            "report_to": "none",
            "save_strategy": "no",
            "per_device_train_batch_size": 4,
            "num_train_epochs": 2,
            "learning_rate": 0.01,
            "logging_steps": 2,
            "disable_tqdm": True,
        }
        return TrainingArguments(**(usual | changes))

    return make


@pytest.fixture
def train(
    tracking_uri: str, data: list[Item], arguments: Callable[..., TrainingArguments]
) -> Train:
    """Train a model with the callback attached; `prepare` sees the Trainer before it starts."""

    def run(
        model: nn.Module,
        guard: TuneGuardCallback | None = None,
        *,
        prepare: Callable[[Trainer], object] = lambda _: None,
        resume: Path | None = None,
        items: list[Item] | None = None,
        **changes: Any,
    ) -> Trained:
        guard = TuneGuardCallback(live=False) if guard is None else guard
        witness = SlowWitness(model)
        own = {name: changes.pop(name) for name in ("compute_loss_func",) if name in changes}
        trainer = Trainer(
            model,
            arguments(**changes),
            train_dataset=items or data,
            eval_dataset=(items or data)[:8],
            callbacks=[guard, witness],
            **own,
        )
        prepare(trainer)
        trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
        return Trained(trainer, guard, witness)

    return run
