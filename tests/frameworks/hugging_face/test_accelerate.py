"""Loops of one's own with Accelerate, recorded by the callback of plain loops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.frameworks.hugging_face.conftest import SlowWitness
from tuneguard import TuneGuardCallback, keys, load_run


@pytest.fixture(autouse=True)
def fresh_state() -> Iterator[None]:
    """Accelerate keeps one state for the process, from the tests before too."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("scale", [None, 256.0])
@pytest.mark.parametrize("accumulate", [1, 4])
def test_the_gradient_is_that_before_clipping_complete_and_unscaled(
    tracking_uri: str, accumulate: int, scale: float | None
) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    inputs = torch.randn(40, 6)
    data = TensorDataset(inputs, inputs[:, :3].argmax(1))
    accelerator = Accelerator(gradient_accumulation_steps=accumulate, cpu=True)
    if scale is not None:
        accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    witness, losses = SlowWitness(net), []
    model, optimizer, loader = accelerator.prepare(
        net, torch.optim.AdamW(net.parameters(), lr=0.01), DataLoader(data, batch_size=4)
    )
    with TuneGuardCallback(model, optimizer, live=False) as guard:
        for _ in range(2):
            for batch, labels in guard.batches(loader):
                with accelerator.accumulate(model):
                    loss = nn.functional.cross_entropy(model(batch), labels)
                    accelerator.backward(loss)
                    losses.append(loss.item())
                    guard.on_after_backward(loss, is_complete=accelerator.sync_gradients)
                    if accelerator.sync_gradients:
                        witness.on_pre_optimizer_step()
                        accelerator.clip_grad_norm_(model.parameters(), 0.05)
                    optimizer.step()
                    optimizer.zero_grad()
    assert guard.run_id is not None
    series = load_run(guard.run_id).series
    expected = [norm / (scale or 1.0) for norm in witness.norms]
    # ten batches an epoch: with four a step, the last step of an epoch has two
    assert len(expected) == (20 if accumulate == 1 else 6)
    recorded = series[keys.GRADIENT_NORM_GLOBAL].values.tolist()
    assert recorded == pytest.approx(expected, rel=1e-5)
    starts = range(0, 20, 10)
    steps = [
        losses[one : min(one + accumulate, start + 10)]
        for start in starts
        for one in range(start, start + 10, accumulate)
    ]
    means = [sum(step) / len(step) for step in steps]
    assert series[keys.TRAIN_LOSS].values.tolist() == pytest.approx(means)
