from types import SimpleNamespace

import pytest
import torch
from torch import nn

from benchmarks.cost import alternation
from benchmarks.cost.alternation import Arm, alternate
from benchmarks.cost.loops import LOOPS, TrainingLoop, make_loop


class Slow:
    """Takes a while to store what it saw."""

    def __init__(self, waits: int) -> None:
        self.waits = waits
        self.seen = 0
        self.resumed = self.paused = 0

    def after_backward(self, loss: torch.Tensor) -> None:
        self.seen += 1

    def resume(self) -> None:
        self.resumed += 1
        self.left = self.waits

    def pause(self) -> None:
        self.paused = self.resumed

    def drained(self) -> bool:
        self.left -= 1
        return self.left <= 0

    def close(self) -> None:
        return


def loop() -> TrainingLoop:
    model = nn.Linear(2, 3)
    batches = [(torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64))]
    return TrainingLoop(model, torch.optim.SGD(model.parameters(), lr=0.1), batches)


def test_a_block_goes_on_until_nothing_is_left_to_store():
    arm = Arm(loop(), Slow(waits=3))
    block = arm.block(0.0)

    assert block.drained
    assert block.steps == arm.treatment.seen >= 12
    assert block.wall >= 3 * 0.02


def test_a_block_that_never_ends_is_told(monkeypatch):
    monkeypatch.setattr("benchmarks.cost.alternation.LONGEST_WAIT", 0.03)

    assert not Arm(loop(), Slow(waits=10**9)).block(0.0).drained


def test_every_other_round_is_the_other_way_round(monkeypatch):
    order: list[int] = []
    arms = [Arm(loop()) for _ in range(3)]
    monkeypatch.setattr(Arm, "block", lambda arm, _: order.append(arms.index(arm)))
    alternate(arms, rounds=2, seconds=1.0)

    assert order == [0, 1, 2, 2, 1, 0]


def test_what_is_stored_after_the_steps_is_a_share_of_the_block(monkeypatch):
    clock = [0.0]
    arm = Arm(loop(), Slow(waits=1))
    monkeypatch.setattr(alternation, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(arm, "_work", lambda seconds: clock.append(clock.pop() + seconds))
    monkeypatch.setattr(arm.treatment, "drained", lambda: clock.append(clock.pop() + 0.9))
    arm.calibrate(0.3)

    assert arm.working_share == pytest.approx(0.25)


@pytest.mark.parametrize("name", sorted(LOOPS.keys() - {"many-layers"}))
def test_a_loop_trains_without_a_device(name):
    one = make_loop(name, "meta")
    one.step()

    assert one.steps == 1
    assert all(parameter.grad.is_meta for parameter in one.model.parameters())
