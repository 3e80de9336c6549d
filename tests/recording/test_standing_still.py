"""What a loop that stands still has left lying is handed over on another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tuneguard import keys

MakeLoop = Callable[..., Any]


def test_a_loop_that_stands_still_leaves_nothing_lying(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    loop = make_loop(model)
    for _ in range(3):
        loop.step(inputs)
    loop.recorder.loop_stands_still()
    assert [step for step, _ in loop.kept.points()[keys.TRAIN_LOSS]] == [0, 1, 2]
    loop.step(inputs)
    loop.recorder.close()
    points = loop.kept.points()
    assert [step for step, _ in points[keys.TRAIN_LOSS]] == [0, 1, 2, 3]
    assert [step for step, _ in points[keys.GRADIENT_NORM_GLOBAL]] == [0, 1, 2, 3]


def test_what_is_on_a_device_waits_for_the_loop(make_loop: MakeLoop) -> None:
    model = nn.Linear(2, 2, device="meta")
    loop = make_loop(model)
    loop.step(torch.ones(1, 2, device="meta"))
    loop.recorder.loop_stands_still()
    assert not loop.kept.packets


def test_no_step_is_lost_or_doubled_between_two_threads(make_loop: MakeLoop) -> None:
    loop = make_loop(nn.Linear(2, 2), flush_every=7)
    is_over = threading.Event()

    def stand_still_often() -> None:
        while not is_over.is_set():
            loop.recorder.loop_stands_still()

    other = threading.Thread(target=stand_still_often)
    other.start()
    for _ in range(500):
        loop.step(torch.ones(1, 2))
    is_over.set()
    other.join()
    loop.recorder.close()
    assert [step for step, _ in loop.kept.points()[keys.TRAIN_LOSS]] == list(range(500))
