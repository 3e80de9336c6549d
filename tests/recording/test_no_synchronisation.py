"""No step waits for the device: on the meta device no tensor has a value that could be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from benchmarks.cost.synchronisations import counted_reads
from tuneguard import TuneGuardCallback

DENSE_AND_SPARSE = 60
FEW = 20


@pytest.fixture
def record(run_id: str, tracking_uri: str) -> Callable[..., tuple[int, int]]:
    def run(
        make_optimizer: Callable[..., torch.optim.Optimizer], steps: int, **options: int
    ) -> tuple[int, int]:
        """Return how often steps waited, and how many packets were handed over."""
        with torch.device("meta"):
            model = nn.Sequential(nn.Linear(16, 80), nn.ReLU(), nn.Linear(80, 3))
            inputs, targets = torch.randn(4, 16), torch.randint(3, (4,))
        optimizer = make_optimizer(model.parameters(), lr=0.1)
        guard = TuneGuardCallback(
            model, optimizer, run_id=run_id, tracking_uri=tracking_uri, flush_every=10, **options
        )
        guard._recorder._pace.schedule.end_dense_start(FEW)
        kept: list[object] = []
        guard._sink.put = kept.append
        with counted_reads() as reads:
            for _ in range(steps):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(inputs), targets)
                loss.backward()
                guard.on_after_backward(loss)
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
        assert not guard.failed | guard._recorder.failed
        guard.close()
        return reads.waits, len(kept)

    return run


def test_no_step_waits_for_the_device(record: Callable[..., tuple[int, int]]) -> None:
    waits, packets = record(torch.optim.SGD, DENSE_AND_SPARSE)
    assert waits == 0
    assert packets > 2


def test_no_step_of_another_optimizer_waits(record: Callable[..., tuple[int, int]]) -> None:
    assert record(torch.optim.AdamW, FEW)[0] == 0


def test_no_micro_batch_waits_for_the_device(record: Callable[..., tuple[int, int]]) -> None:
    assert record(torch.optim.SGD, FEW, accumulate=2)[0] == 0


def test_a_step_that_reads_its_loss_would_be_noticed(
    record: Callable[..., tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("callback", "short_way"):
        monkeypatch.setattr(
            f"tuneguard.recording.{module}.measured_loss", lambda loss: loss.item()
        )
    assert record(torch.optim.SGD, FEW)[0] == FEW
