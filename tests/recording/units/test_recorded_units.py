from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module

from tuneguard.recording import TuneGuardCallback
from tuneguard.recording.budget import Budget
from tuneguard.recording.schedule import Schedule
from tuneguard.recording.units import UnitStatistics


def small(lowered: Any) -> nn.Module:
    return nn.Sequential(
        lowered(nn.Linear(6, 20), 5), nn.ReLU(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1)
    )


def test_units_are_recorded_at_the_steps_that_the_schedule_says(
    make_loop: Callable[..., Any], lowered: Any
) -> None:
    model = small(lowered)
    schedule = Schedule(dense_steps=20, stride=6)
    loop = make_loop(model, schedule=schedule, units=UnitStatistics(model))
    hooked = []
    for _ in range(120):
        hooked.append(bool(torch_module._global_forward_hooks))
        loop.step(torch.randn(200, 6))
    loop.recorder.close()
    # the first step shows whether anything is compiled
    expected = [step for step in range(1, 120) if schedule.looks_at_units(step)]
    assert len(expected) >= 4
    assert [step for step, is_hooked in enumerate(hooked) if is_hooked] == expected
    points = loop.kept.points()
    assert [step for step, _ in points["dead_units/1"]] == expected
    assert all(value >= 0.25 for _, value in points["dead_units/1"])
    assert [step for step, _ in points["saturated_units/3"]] == expected
    assert {"zero_gradient_units/0", "zero_gradient_units/2", "zero_gradient_units/4"} < set(
        points
    )
    assert {"gradient_norm/0", "update_ratio/0"} < set(points)


def test_what_a_hook_costs_counts_into_the_budget(
    make_loop: Callable[..., Any], lowered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small(lowered)
    spent: list[float] = []
    monkeypatch.setattr(Budget, "sampling", lambda _, seconds, samples=0: spent.append(seconds))

    class Idle:
        cpu_seconds = 0.0

    units = UnitStatistics(model)
    loop = make_loop(
        model, schedule=Schedule(dense_steps=20), units=units, budget=Budget(0.01, Idle(), 0.0)
    )
    for _ in range(16):
        loop.step(torch.randn(200, 6))
    units._seconds = 1000.0
    spent.clear()
    loop.step(torch.randn(200, 6))
    assert sum(spent) > 1000.0
    loop.recorder.close()


def test_closing_in_mid_step_leaves_no_hook(make_loop: Callable[..., Any], lowered: Any) -> None:
    model = small(lowered)
    loop = make_loop(model, schedule=Schedule(dense_steps=20), units=UnitStatistics(model))
    for _ in range(16):
        loop.step(torch.randn(200, 6))
    assert torch_module._global_forward_hooks
    model(torch.randn(200, 6))
    loop.recorder.close()
    assert not torch_module._global_forward_hooks


def test_a_callback_records_units_and_the_process(client: Any, run_id: str, lowered: Any) -> None:
    model = small(lowered)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with TuneGuardCallback(model, optimizer, run_id=run_id) as guard:
        for _ in range(20):
            optimizer.zero_grad()
            loss = model(torch.randn(200, 6)).square().mean()
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
    metrics = client.get_run(run_id).data.metrics
    assert metrics["dead_units/1"] >= 0.25
    assert 0.0 <= metrics["saturated_units/3"] <= 1.0
    assert metrics["zero_gradient_units/0"] >= 0.25
    assert metrics["system/process_memory_megabytes"] > 50.0
    assert metrics["system/process_cpu_utilization_percentage"] > 0.0
