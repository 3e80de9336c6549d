"""The short way records what the long way does, and leaves to it what is not plain."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys
from tuneguard.recording.budget import Budget
from tuneguard.recording.schedule import Schedule

STEPS = 130
ODD_STEP = 50
TIMES = {keys.STEP_SECONDS, keys.DATA_WAIT_FRACTION, keys.SAMPLES_PER_SECOND}
MakeLoop = Callable[..., Any]


class Idle:
    cpu_seconds = 0.0


class Unsettled(Budget):
    """Goes on adding up."""

    def next_stride(self, stride: int, step: int, spent: float) -> int | None:
        return None


@dataclass
class Training:
    """A training whose steps are offered to the short way, or are not."""

    loop: Any
    is_offered: bool
    went_short: int = 0

    def begin(self, inputs: torch.Tensor) -> torch.Tensor:
        self.loop.optimizer.zero_grad()
        loss: torch.Tensor = self.loop.model(inputs).square().mean()
        loss.backward()
        if self.is_offered and self.loop.recorder.short_way.begin(loss):
            self.went_short += 1
        else:
            self.loop.recorder.begin_step(loss.detach())
        return loss

    def run(self, event: Callable[[Training], object]) -> None:
        generator = torch.Generator().manual_seed(1)
        for step, inputs in enumerate(torch.randn(STEPS, 8, 6, generator=generator)):
            if step == ODD_STEP:
                event(self)
            self.begin(inputs)
            self.loop.optimizer.step()
        self.loop.recorder.close()

    def columns(self) -> dict[str, Any]:
        """What was recorded, by key; of times, only at which steps they were."""
        return {
            key: [step for step, _ in own] if key in TIMES else own
            for key, own in self.loop.kept.points().items()
        }


@pytest.fixture
def train(make_loop: MakeLoop, model: nn.Module) -> Callable[..., Training]:
    weights = {name: one.clone() for name, one in model.state_dict().items()}

    def trained(event: Callable[[Training], object], *, short: bool, **options: Any) -> Training:
        model.load_state_dict(weights)
        torch.manual_seed(2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
        loop = make_loop(model, optimizer, schedule=Schedule(3, 40), **options)
        training = Training(loop, short)
        training.run(event)
        return training

    return trained


def nothing(training: Training) -> None:
    pass


def skip_a_step(training: Training) -> None:
    training.begin(torch.ones(8, 6))


def evaluate_in_a_closure(training: Training) -> None:
    training.loop.optimizer.step(lambda: float(training.begin(torch.ones(8, 6)).detach()))


def evaluate_before_a_closure(training: Training) -> None:
    training.begin(torch.ones(8, 6))
    evaluate_in_a_closure(training)


def add_a_group(training: Training) -> None:
    added = nn.Parameter(torch.ones(1))
    training.loop.optimizer.add_param_group({"params": [added], "lr": 0.5})


def change_the_rate(training: Training) -> None:
    training.loop.optimizer.param_groups[0]["lr"] = 0.01


def make_the_rate_a_tensor(training: Training) -> None:
    training.loop.optimizer.param_groups[0]["lr"] = torch.tensor(0.25)


def write_to_a_rate(training: Training) -> None:
    make_the_rate_a_tensor(training)
    training.begin(torch.ones(8, 6))
    training.loop.optimizer.step()
    training.loop.optimizer.param_groups[0]["lr"].fill_(0.125)


def change_the_rate_of_an_added_group(training: Training) -> None:
    add_a_group(training)
    for rate in (0.5, 0.25):
        training.loop.optimizer.param_groups[1]["lr"] = rate
        training.begin(torch.ones(8, 6))
        training.loop.optimizer.step()


def load_another_state(training: Training) -> None:
    state = training.loop.optimizer.state_dict()
    state["param_groups"][0]["lr"] = 0.02
    training.loop.optimizer.load_state_dict(state)


def step_without_a_loss(training: Training) -> None:
    training.loop.optimizer.step()


def tell_a_fused_optimizer_to_skip(training: Training) -> None:
    optimizer = training.loop.optimizer
    training.begin(torch.ones(8, 6))
    optimizer.param_groups[0]["fused"] = True
    optimizer.found_inf, optimizer.grad_scale = torch.ones(1), torch.ones(1)
    optimizer.step()
    del optimizer.found_inf, optimizer.grad_scale
    optimizer.param_groups[0]["fused"] = False


def validate(training: Training) -> None:
    training.loop.recorder.add({"validation/loss": 1.0})


def validate_within_a_step(training: Training) -> None:
    training.begin(torch.ones(8, 6))
    validate(training)
    training.loop.optimizer.step()


def wait_for_data(training: Training) -> None:
    training.loop.recorder.clock.waited(1e-5, 8)


EVENTS = [
    nothing,
    skip_a_step,
    evaluate_in_a_closure,
    evaluate_before_a_closure,
    add_a_group,
    change_the_rate,
    make_the_rate_a_tensor,
    write_to_a_rate,
    change_the_rate_of_an_added_group,
    load_another_state,
    step_without_a_loss,
    tell_a_fused_optimizer_to_skip,
    validate,
    validate_within_a_step,
    wait_for_data,
]


@pytest.mark.parametrize(
    ("event", "flush_every"), [*((event, 1000) for event in EVENTS), (validate, 7)]
)
def test_both_ways_record_the_same(
    train: Callable[..., Training], event: Callable[[Training], object], flush_every: int
) -> None:
    short, long = (train(event, short=one, flush_every=flush_every) for one in (True, False))
    assert short.columns() == long.columns()
    assert short.went_short > STEPS // 2
    assert not long.went_short


@pytest.mark.parametrize("event", [nothing, skip_a_step, validate, validate_within_a_step])
def test_the_clock_counts_the_time_of_every_step(
    train: Callable[..., Training], event: Callable[[Training], object]
) -> None:
    loop = train(event, short=True).loop
    assert loop.recorder.clock.total == pytest.approx(sum(loop.kept.values(keys.STEP_SECONDS)))


@pytest.mark.parametrize("short", [True, False])
def test_the_step_after_one_that_was_skipped_is_recorded(
    train: Callable[..., Training], short: bool
) -> None:
    losses = train(skip_a_step, short=short).loop.kept.points()[keys.TRAIN_LOSS]
    assert [step for step, _ in losses] == list(range(STEPS + 1))


@pytest.mark.parametrize("loss", [None, "0.5", torch.tensor(3), torch.ones(2), 1j])
def test_what_is_no_plain_loss_is_left_to_the_long_way(
    train: Callable[..., Training], loss: object
) -> None:
    refused: list[bool] = []
    train(lambda one: refused.append(not one.loop.recorder.short_way.begin(loss)), short=True)
    assert refused == [True]


def test_something_odd_ends_the_short_way_at_once(train: Callable[..., Training]) -> None:
    training = train(lambda one: one.loop.recorder._pace.watch._on_odd(), short=True)
    norms = dict(training.loop.kept.points()[keys.GRADIENT_NORM_GLOBAL])
    assert set(range(ODD_STEP + 1, ODD_STEP + 33)) <= set(norms)


def test_what_plain_steps_cost_is_known(train: Callable[..., Training]) -> None:
    budget = Unsettled(0.01, Idle())
    train(nothing, short=True, budget=budget)
    assert len(budget._window.plain.each) == 1
    assert budget._window.plain.mean > 0.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_no_way(train: Callable[..., Training]) -> None:
    answers: list[int] = []

    def fork(training: Training) -> None:
        way = training.loop.recorder.short_way
        child = os.fork()
        if not child:
            os._exit(int(way.begin(torch.ones(()))))
        answers.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    training = train(fork, short=True)
    assert answers == [0]
    assert training.went_short > STEPS // 2
