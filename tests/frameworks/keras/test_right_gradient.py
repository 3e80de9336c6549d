"""Each hook's position, against gradients that are computed anew from the weights of each step."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.frameworks.keras.conftest import BATCH, BATCHES, classifier, keras
from tests.recording.right_gradient.reference import Memory
from tuneguard.keras import TuneGuardCallback

PLACE = {"run_id": "0", "tracking_uri": "sqlite:///none.db", "live": False}


class Weights(keras.callbacks.Callback):
    """Keeps the weights before each batch, and after the last."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[list[torch.Tensor]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.keep()

    def on_train_end(self, logs: Any = None) -> None:
        self.keep()

    def keep(self) -> None:
        weights = [one.value.detach().clone() for one in self.model.trainable_variables]
        self.kept.append(weights)


def loss_and_norms(weights: list[torch.Tensor], data: Any, batches: list[int]) -> dict[str, float]:
    """Return the mean loss over batches, and the norms of its gradient, by plain torch."""
    hidden, hidden_bias, head, head_bias = (one.clone().requires_grad_() for one in weights)
    losses = []
    for batch in batches:
        part = slice(batch * BATCH, (batch + 1) * BATCH)
        inputs, targets = torch.tensor(data.inputs[part]), torch.tensor(data.targets[part])
        outputs = torch.tanh(inputs @ hidden + hidden_bias) @ head + head_bias
        losses.append(torch.nn.functional.cross_entropy(outputs, targets))
    loss = torch.stack(losses).mean()
    loss.backward()
    layers = {"hidden": (hidden, hidden_bias), "head": (head, head_bias)}
    squares = {name: sum(p.grad.square().sum() for p in own) for name, own in layers.items()}
    norms = {f"gradient_norm/{name}": float(one**0.5) for name, one in squares.items()}
    total = float(sum(squares.values()) ** 0.5)
    return {"train/loss": float(loss), "gradient_norm/global": total, **norms}


def expected(data: Any, weights: Weights, steps: int, each: int = 1) -> list[dict[str, float]]:
    return [
        loss_and_norms(weights.kept[step * each], data, [*range(step * each, step * each + each)])
        for step in range(steps)
    ]


def recorded(optimizer: Any, fit: Callable[..., Any], memories: list[Memory], **options: Any):
    weights = Weights()
    fit(classifier(optimizer, **options), weights, TuneGuardCallback(**PLACE, budget=1.0))
    return weights, memories[-1]


SGD, ADAM = keras.optimizers.SGD, keras.optimizers.Adam
MODES = {
    "plain": lambda: SGD(0.5),
    "adam": lambda: ADAM(0.05),
    "clipnorm": lambda: SGD(0.5, clipnorm=0.01),
    "global_clipnorm": lambda: SGD(0.5, global_clipnorm=0.01),
    "clipvalue": lambda: SGD(0.5, clipvalue=0.001),
    "weight decay": lambda: SGD(0.5, weight_decay=0.1),
    "moving average": lambda: SGD(0.5, use_ema=True, ema_overwrite_frequency=3),
    "loss_scale_factor": lambda: SGD(0.5, loss_scale_factor=1024.0, global_clipnorm=0.01),
    "loss scale": lambda: keras.optimizers.LossScaleOptimizer(SGD(0.5, clipnorm=0.01)),
}


@pytest.mark.parametrize("mode", MODES)
def test_gradient_is_unscaled_and_not_yet_clipped(
    mode: str, data: SimpleNamespace, fit: Callable[..., Any], memories: list[Memory]
) -> None:
    weights, memory = recorded(MODES[mode](), fit, memories)
    memory.must_agree(expected(data, weights, BATCHES), rel=1e-4)


@pytest.mark.parametrize("clip", [{}, {"global_clipnorm": 0.01}], ids=["plain", "clipped"])
def test_accumulated_gradient_is_taken_when_it_is_complete(
    clip: dict[str, float],
    data: SimpleNamespace,
    fit: Callable[..., Any],
    memories: list[Memory],
) -> None:
    weights, memory = recorded(SGD(0.5, gradient_accumulation_steps=3, **clip), fit, memories)
    memory.must_agree(expected(data, weights, BATCHES // 3, each=3), rel=1e-4)


@pytest.mark.parametrize("mode", ["plain", "clipnorm", "weight decay", "moving average"])
def test_update_is_what_the_step_did_to_the_weights(
    mode: str, fit: Callable[..., Any], memories: list[Memory]
) -> None:
    weights, memory = recorded(MODES[mode](), fit, memories)
    moved = [
        float(sum((new - old).square().sum() for old, new in zip(*pair, strict=True)) ** 0.5)
        for pair in zip(weights.kept, weights.kept[1:], strict=False)
    ]
    assert memory.values("update_norm/global") == pytest.approx(moved, rel=1e-3)


def test_clipping_is_seen(fit: Callable[..., Any], memories: list[Memory]) -> None:
    _, memory = recorded(SGD(0.5, global_clipnorm=0.01), fit, memories)
    before = np.array(memory.values("gradient_norm/global"))
    assert memory.values("gradient_clipping/factor") == pytest.approx(0.01 / before, rel=1e-3)


def test_learning_rate_of_a_schedule_is_that_of_the_step(
    fit: Callable[..., Any], memories: list[Memory]
) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, decay_steps=4, decay_rate=0.5)
    _, memory = recorded(SGD(schedule), fit, memories)
    rates = [0.5 * 0.5 ** (step / 4) for step in range(BATCHES)]
    assert memory.values("learning_rate/0") == pytest.approx(rates, rel=1e-5)


def test_step_that_the_loss_scale_skips_is_counted(
    fit: Callable[..., Any], memories: list[Memory]
) -> None:
    scaled = keras.optimizers.LossScaleOptimizer(SGD(0.5), initial_scale=1e39)
    weights, memory = recorded(scaled, fit, memories)
    skipped = sum(
        all(torch.equal(a, b) for a, b in zip(*pair, strict=True))
        for pair in zip(weights.kept, weights.kept[1:], strict=False)
    )
    assert skipped == BATCHES
    assert max(memory.values("tuneguard/skipped_steps")) == skipped
    norms = memory.values("gradient_norm/global")
    assert not np.isfinite(norms).any()
    assert len(memory.values("train/loss")) == len(norms) == BATCHES


def test_gradients_are_given_back(
    data: SimpleNamespace, fit: Callable[..., Any], memories
) -> None:
    model = classifier(SGD(0.5, gradient_accumulation_steps=2, clipnorm=0.01))
    last = Weights()
    fit(model, last, TuneGuardCallback(**PLACE, budget=1.0))
    bias = model.layers[-1].bias.value.grad
    own = loss_and_norms(last.kept[-2], data, [BATCHES - 1])
    head = model.layers[-1].kernel.value.grad
    norm = float((bias.square().sum() + head.square().sum()) ** 0.5)
    assert norm == pytest.approx(own["gradient_norm/head"], rel=1e-4)


def test_training_is_the_same_with_and_without(fit: Callable[..., Any], memories) -> None:
    def trained(*callbacks: Any) -> list[Any]:
        model = classifier(ADAM(0.05, clipnorm=0.1, gradient_accumulation_steps=2))
        fit(model, *callbacks)
        return model.get_weights()

    for bare, watched in zip(trained(), trained(TuneGuardCallback(**PLACE)), strict=True):
        np.testing.assert_array_equal(bare, watched)
