from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch

from tuneguard import keys
from tuneguard.recording.loop_clock import LoopClock
from tuneguard.recording.loss_mean import LossMean
from tuneguard.recording.measured_values import validation_values
from tuneguard.recording.timed_batches import TimedBatches, samples_in


def test_the_loss_is_the_mean_over_micro_batches() -> None:
    mean = LossMean(3)
    assert mean.add(torch.tensor(1.0, requires_grad=True)) is None
    assert mean.add(2.0) is None
    result = mean.add(torch.tensor([6.0]))
    assert not result.requires_grad
    assert float(result) == 3.0
    assert mean.add(1.0) is None


def test_the_loss_is_copied() -> None:
    loss = torch.tensor(1.0)
    kept = LossMean(1).add(loss)
    loss.fill_(7.0)
    assert float(kept) == 1.0


def test_validation_takes_any_number(caplog: pytest.LogCaptureFixture) -> None:
    values = validation_values(
        {
            "loss": torch.tensor(0.5),
            "val/top 5%": np.float32(0.25),
            "validation_f1": math.nan,
            "name": "0.5",
            "none": None,
            "many": torch.ones(3),
        }
    )
    assert list(values) == [keys.VALIDATION_LOSS, "validation/top 5_", "validation/f1"]
    assert [record.args[0] for record in caplog.records] == ["name", "none", "many"]


def test_batches_pass_unchanged() -> None:
    heard: list[int] = []
    batches = TimedBatches(
        [[torch.ones(4, 2), 1], [torch.ones(3, 2), 2]], lambda _, n: heard.append(n)
    )
    assert len(batches) == 2
    assert [label for _, label in batches] == [1, 2]
    assert [label for _, label in batches] == [1, 2]
    assert heard == [4, 3, 4, 3]


def test_a_generator_has_no_length() -> None:
    batches = TimedBatches((one for one in (1, 2)), lambda *_: None)
    with pytest.raises(TypeError):
        len(batches)
    assert list(batches) == [1, 2]


def test_the_loaders_exceptions_pass_through() -> None:
    def broken():
        yield 1
        raise OSError("disk on fire")

    with pytest.raises(OSError, match="fire"):
        list(TimedBatches(broken(), lambda *_: None))


@pytest.mark.parametrize(
    ("batch", "samples"), [(torch.ones(()), 1), ("text", 0), ({"a": 1, "b": (torch.ones(5),)}, 5)]
)
def test_samples_are_counted_from_the_first_tensor(batch: object, samples: int) -> None:
    assert samples_in(batch) == samples


def test_the_clock_tells_where_time_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    clock = LoopClock()
    clock.waited(0.5, 8)
    assert clock.step() == {}
    clock.waited(0.5, 8)
    now = 12.0
    assert clock.step() == {
        keys.STEP_SECONDS: 2.0,
        keys.DATA_WAIT_FRACTION: 0.25,
        keys.SAMPLES_PER_SECOND: 4.0,
    }
    clock.interrupt()
    assert clock.step() == {}
