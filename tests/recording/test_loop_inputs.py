from __future__ import annotations

import math
from collections import UserDict
from typing import NoReturn

import numpy as np
import pytest
import torch

from tuneguard import keys
from tuneguard.recording.loop_clock import LoopClock
from tuneguard.recording.loss_mean import LossMean, measured_loss
from tuneguard.recording.measured_values import validation_values
from tuneguard.recording.timed_batches import TimedBatches, samples_in


def test_the_loss_is_the_mean_over_micro_batches() -> None:
    mean = LossMean(3)
    assert not mean.add(measured_loss(torch.tensor(1.0, requires_grad=True)))
    assert not mean.add(2.0)
    assert mean.add(measured_loss(torch.tensor([6.0])))
    assert mean.take() == 3.0
    assert [mean.add(loss) for loss in (1.0, None, 1.0)] == [False, False, True]
    assert mean.take() is None


def test_the_loss_is_copied() -> None:
    loss = torch.tensor(1.0)
    kept = measured_loss(loss)
    loss.fill_(7.0)
    assert kept == 1.0


def test_a_loss_on_a_device_stays_there() -> None:
    loss = torch.ones((), device="meta", requires_grad=True)
    kept = measured_loss(loss)
    assert kept is not loss
    assert kept.is_meta
    assert not kept.requires_grad


@pytest.mark.parametrize(
    "loss",
    [None, "1.0", 1j, [1.0], 10**400, torch.empty(0), torch.tensor(1j), torch.tensor(1)],
    ids=str,
)
def test_what_is_no_loss(loss: object) -> None:
    assert measured_loss(loss) is None


@pytest.mark.parametrize("loss", [1, 1.0, np.float32(1), True], ids=repr)
def test_a_loss_on_the_host(loss: object) -> None:
    assert measured_loss(loss) == 1.0


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


def test_strange_names_are_made_fit_and_strange_values_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Odd:
        def __float__(self) -> float:
            raise KeyError("odd")

        def __repr__(self) -> str:
            raise KeyError("odd")

    given = {"acc@5": 1, "a//b": 2, "=x": 3, "y" * 300: 4, 5: 5, "c": 1j, "o": Odd(), "b": 10**400}
    said: set[str] = set()
    for _ in range(2):
        values = validation_values(given, said)
    assert list(values)[:3] == ["validation/acc_5", "validation/a/b", "validation/_x"]
    assert list(values.values()) == [1, 2, 3, 4, 5]
    assert max(map(len, values)) == keys.MAX_KEY_LENGTH
    assert [record.args[0] for record in caplog.records] == ["c", "o", "b"]


@pytest.mark.parametrize("metrics", [None, 0.5, "loss", [("loss", 0.5)], torch.ones(2)], ids=str)
def test_metrics_need_names(metrics: object) -> None:
    with pytest.raises(TypeError, match="dict of numbers"):
        validation_values(metrics)


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


class NoValues(UserDict[str, int]):
    """A mapping that cannot be walked through."""

    def values(self) -> NoReturn:
        raise RuntimeError("not to be counted")


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_batch_that_cannot_be_counted_passes() -> None:
    nested = torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(4, 3)])
    endless: list[object] = []
    endless.append(endless)
    batches = [nested, NoValues(a=1), endless]
    counts: list[int] = []
    passed = list(TimedBatches(batches, lambda _, count: counts.append(count)))
    assert all(one is other for one, other in zip(passed, batches, strict=True))
    assert counts == [2, 0, 0]


def test_the_clock_tells_where_time_goes() -> None:
    clock = LoopClock()
    assert not clock.has_batches
    clock.waited(0.5, 8)
    clock.waited(0.25, 8)
    assert math.isnan(clock.step(10.0))
    assert clock.take() == (0.75, 16)
    assert clock.step(12.0) == 2.0
    assert clock.take() == (0.0, 0)
    clock.interrupt()
    assert math.isnan(clock.step(13.0))
    assert clock.step(13.5) == 0.5
    assert clock.total == 2.5
