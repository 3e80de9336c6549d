"""The gradient that is recorded whatever torch is set to, and at steps far apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys
from tuneguard.recording import recorder

Record = Callable[..., Any]


@contextmanager
def by_default(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    yield
    torch.set_default_dtype(before)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


SETTINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "tensors are made elsewhere": lambda: torch.device("meta"),
    "tensors are made narrow": lambda: by_default(torch.float16),
    "autocast to bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast to float16": lambda: torch.autocast("cpu", torch.float16),
    "anomalies are looked for": torch.autograd.detect_anomaly,
    "only deterministic algorithms": deterministic,
    "without gradients": torch.no_grad,
    "in inference mode": torch.inference_mode,
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_settings_that_hold_around_the_calls(
    record: Record,
    reference: ModuleType,
    setting: Callable[[], AbstractContextManager[Any]],
) -> None:
    torch.manual_seed(0)
    # the second layer is larger than what is read of it
    model = nn.Sequential(nn.Linear(6, 300), nn.Tanh(), nn.Linear(300, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    expected, factors = [], []
    with setting():
        recording = record(model, optimizer)
        guard, memory = recording.__enter__()
    for inputs in reference.batches(4):
        expected.append(reference.differentiated(model, reference.loss_on(inputs)))
        optimizer.zero_grad()
        loss = reference.loss_on(inputs)(model)
        loss.backward()
        with setting():
            guard.on_after_backward(loss)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.2)
        factors.append(min(1.0, 0.2 / float(norm)))
        with setting() if setting is not torch.inference_mode else torch.no_grad():
            optimizer.step()
    with setting():
        recording.__exit__(None, None, None)
    memory.must_agree(expected)
    assert memory.values(keys.CLIPPING_FACTOR) == pytest.approx(factors, rel=1e-3)
    assert len(memory.values(keys.UPDATE_RATIO_GLOBAL)) == 4


def test_pairs_of_steps_far_from_the_start(
    record: Record, reference: ModuleType, model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    # on a busy machine the budget would change the stride on the way, and cut a pair
    monkeypatch.setattr(recorder, "FLUSH_SECONDS", math.inf)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=7)
    expected = []
    options = {"scaler": scaler, "accumulate": 2, "first_step": 5000}
    with record(model, optimizer, **options) as (guard, memory):
        for inputs in reference.batches(120):
            loss_of = reference.loss_on(inputs / inputs.std())
            before = reference.weights(model)
            expected.append(reference.differentiated(model, loss_of))
            optimizer.zero_grad()
            for _ in range(2):
                loss = loss_of(model)
                scaler.scale(loss / 2).backward()
                guard.on_after_backward(loss)
            scaler.unscale_(optimizer)
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.2)
            scaler.step(optimizer)
            scaler.update()
            expected[-1] |= reference.updated(model, before)
            expected[-1][keys.CLIPPING_FACTOR] = min(1.0, 0.2 / float(norm))
    steps = sorted(memory.points[keys.GRADIENT_NORM_GLOBAL])
    assert 6 <= len(steps) < 60
    assert all({step - 1, step + 1} & set(steps) for step in steps)
    for key in expected[0]:
        own = {step: expected[step - 5000][key] for step in steps}
        assert memory.points[key] == pytest.approx(own, rel=1e-4), key
    assert [*memory.points[keys.TRAIN_LOSS]] == list(range(5000, 5120))
