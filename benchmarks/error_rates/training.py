"""The loop that trains every setup, as a user would write it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.error_rates.setup import Batch, Data, Setup
from tuneguard import TuneGuardCallback


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a training, measured on data that took no part in it.

    Attributes:
        score: Accuracy or coefficient of determination of the final model on the test data, in
            points of 100; 0 where it is below 0 or not finite.
        best_score: The highest such score at any validation.
        test_losses: Criterion on the test data at each validation.
        unmoved: Share of the model's parameters that are as they were built.
        skipped: Share of the steps that the loss scaler skipped.
        waited: Share of the loop's time spent waiting for batches.
    """

    score: float
    best_score: float
    test_losses: tuple[float, ...]
    unmoved: float
    skipped: float
    waited: float


def score_of(outputs: Tensor, targets: Tensor, setup: Setup) -> float:
    """Return how good outputs are, in points of 100.

    Classifications are scored by accuracy, all else by the coefficient of determination.
    """
    if setup.task == "classification":
        return 100.0 * float((outputs.argmax(-1) == targets).double().mean())
    rest = (outputs - targets).double().square().sum()
    spread = (targets - targets.mean(0)).double().square().sum()
    value = 100.0 * float(1.0 - rest / spread)
    return max(value, 0.0) if np.isfinite(value) else 0.0


class Loop:
    """Trains a setup with a seed; the recorder that watches is handed in.

    Args:
        setup: What to train.
        seed: Of data, weights, batches and dropout.

    Attributes:
        model: What is trained.
        optimizer: What trains it.
        scaler: What scales the loss, if anything does.
    """

    def __init__(self, setup: Setup, seed: int) -> None:
        torch.manual_seed(seed)
        self._setup = setup
        self._data: Data = setup.data(seed)
        self.model = setup.model()
        setup.prepare(self.model)
        self.optimizer = setup.optimizer(setup.parameters(self.model))
        self.scaler = setup.scaler() if setup.scaler is not None else None
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        self._built = [parameter.detach().clone() for parameter in self.model.parameters()]
        self._skipped = 0
        self._waited = 0.0

    def run(self, guard: TuneGuardCallback) -> Ended:
        """Train to the end, and score what came out."""
        setup = self._setup
        due = {
            round((index + 1) * setup.steps / setup.validations)
            for index in range(setup.validations)
        }
        scores: list[float] = []
        losses: list[float] = []
        began = time.perf_counter()
        for step, batch in enumerate(guard.batches(self._batches())):
            self._step(guard, step, batch)
            if step + 1 in due:
                for validated in guard.validation_batches([setup.validated_on(self._data)]):
                    guard.on_validation_end(self._evaluated(validated))
                tested = self._evaluated(self._data.test)
                losses.append(tested["loss"])
                scores.append(self._score)
        return Ended(
            score=scores[-1],
            best_score=max(scores),
            test_losses=tuple(losses),
            unmoved=self._unmoved(),
            skipped=self._skipped / setup.steps,
            waited=self._waited / (time.perf_counter() - began),
        )

    def _step(self, guard: TuneGuardCallback, step: int, batch: Batch) -> None:
        setup = self._setup
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * setup.rate(step / setup.steps)
        if setup.clears_gradients:
            self.optimizer.zero_grad()
        inputs, targets = setup.batch(batch, step)
        loss = setup.criterion(self.model(inputs), targets)
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()  # type: ignore[no-untyped-call]
        setup.after_backward(self.model, step)
        guard.on_after_backward(loss)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        if setup.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), setup.clip_norm)
        if self.scaler is None:
            self.optimizer.step()
        else:
            scale = self.scaler.get_scale()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self._skipped += self.scaler.get_scale() < scale

    def _batches(self) -> Iterator[Batch]:
        inputs, targets = self._data.train
        count, size, done = len(inputs), self._setup.batch_size, 0
        asked = time.perf_counter()
        while True:
            order = torch.randperm(count)
            for first in range(0, max(count - size, 0) + 1, size):
                if done == self._setup.steps:
                    return
                if self._setup.wait_seconds:
                    time.sleep(self._setup.wait_seconds)
                chosen = order[first : first + size]
                batch = inputs[chosen], targets[chosen]
                self._waited += time.perf_counter() - asked
                yield batch
                asked = time.perf_counter()
                done += 1

    def _unmoved(self) -> float:
        pairs = list(zip(self.model.parameters(), self._built, strict=True))
        same = sum(int((now == built).sum()) for now, built in pairs)
        return same / sum(built.numel() for built in self._built)

    @torch.no_grad()
    def _evaluated(self, batch: Batch) -> dict[str, float]:
        """Return what a user validates: the loss, and how good the model is."""
        self.model.eval()
        outputs = self.model(batch[0])
        self.model.train()
        self._score = score_of(outputs, batch[1], self._setup)
        name = "accuracy" if self._setup.task == "classification" else "r2"
        return {"loss": float(self._setup.criterion(outputs, batch[1])), name: self._score / 100.0}
