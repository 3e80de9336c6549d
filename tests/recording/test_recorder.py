from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard import keys
from tuneguard.recording.schedule import Schedule

MakeLoop = Callable[..., Any]


def test_every_step_is_measured(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    loop = make_loop(model, flush_every=3)
    losses = [float(loop.step(inputs)) for _ in range(7)]
    loop.recorder.close()
    points = loop.kept.points()
    assert points[keys.TRAIN_LOSS] == list(enumerate(losses))
    assert [step for step, _ in points[keys.GRADIENT_NORM_GLOBAL]] == list(range(7))
    assert set(points) == {
        keys.TRAIN_LOSS,
        keys.STEP_SECONDS,
        keys.GRADIENT_NORM_GLOBAL,
        "gradient_norm/0",
        "gradient_norm/3",
        keys.UPDATE_RATIO_GLOBAL,
        keys.UPDATE_NORM_GLOBAL,
        keys.GRADIENT_COSINE,
        keys.COSINE_TO_UPDATE,
        keys.CARRIED_GRADIENT,
        "update_ratio/0",
        "update_ratio/3",
        "learning_rate/0",
    }


def test_norms_are_those_before_clipping(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    loop = make_loop(model)
    model(inputs).square().mean().backward()
    reference = float(nn.utils.clip_grad_norm_(model.parameters(), math.inf))
    loop.recorder.begin_step(0.0)
    nn.utils.clip_grad_norm_(model.parameters(), 1e-6)
    loop.optimizer.step()
    loop.recorder.close()
    assert loop.kept.values(keys.GRADIENT_NORM_GLOBAL) == pytest.approx([reference])


def test_layers_add_up_to_the_whole(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    loop = make_loop(model)
    loop.step(inputs)
    loop.recorder.close()
    layers = [loop.kept.values(f"gradient_norm/{name}")[0] for name in ("0", "3")]
    assert math.hypot(*layers) == pytest.approx(loop.kept.values(keys.GRADIENT_NORM_GLOBAL)[0])


def test_an_update_is_the_learning_rate_times_the_gradient(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    weights = math.sqrt(sum(float(one.detach().square().sum()) for one in model.parameters()))
    loop = make_loop(model)
    loop.step(inputs)
    loop.recorder.close()
    norm = loop.kept.values(keys.GRADIENT_NORM_GLOBAL)[0]
    assert loop.kept.values(keys.UPDATE_RATIO_GLOBAL) == pytest.approx([0.1 * norm / weights])


def test_learning_rates_are_those_of_the_step(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    groups = [
        {"params": model[0].parameters(), "lr": 0.5},
        {"params": model[3].parameters(), "lr": torch.tensor(0.25), "name": "head"},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    loop = make_loop(model, optimizer)
    loop.step(inputs)
    optimizer.param_groups[0]["lr"] = 0.05
    loop.step(inputs)
    loop.recorder.close()
    assert loop.kept.values("learning_rate/0") == [0.5, 0.05]
    assert loop.kept.values("learning_rate/head") == [0.25, 0.25]


def test_training_is_the_same_bit_for_bit(make_loop: MakeLoop, inputs: torch.Tensor) -> None:
    weights = []
    for is_recorded in (True, False):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 400), nn.Dropout(0.5), nn.Linear(400, 2))
        optimizer = torch.optim.AdamW(model.parameters())
        recorder = make_loop(model, optimizer).recorder if is_recorded else None
        for _ in range(5):
            optimizer.zero_grad()
            loss = model(inputs).square().mean()
            loss.backward()
            if recorder is not None:
                recorder.begin_step(loss)
            optimizer.step()
        weights.append(torch.cat([one.detach().flatten() for one in model.parameters()]))
    assert torch.equal(*weights)


def test_values_that_are_not_finite_are_kept(make_loop: MakeLoop, model: nn.Module) -> None:
    loop = make_loop(model)
    loop.step(torch.full((2, 6), math.inf))
    loop.recorder.close()
    assert math.isnan(loop.kept.values(keys.TRAIN_LOSS)[0])
    assert math.isnan(loop.kept.values(keys.GRADIENT_NORM_GLOBAL)[0])


def test_a_layer_of_zeros_has_no_ratio(make_loop: MakeLoop, inputs: torch.Tensor) -> None:
    model = nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 1))
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[1].bias)
    loop = make_loop(model)
    loop.step(inputs)
    loop.recorder.close()
    assert "update_ratio/1" not in loop.kept.points()
    assert "update_ratio/0" in loop.kept.points()


def test_a_model_without_gradients_is_no_trouble(make_loop: MakeLoop) -> None:
    model = nn.Linear(2, 2)
    loop = make_loop(model)
    loop.recorder.begin_step(1.0)
    loop.optimizer.step()
    loop.recorder.close()
    assert loop.kept.values(keys.TRAIN_LOSS) == [1.0]
    assert keys.GRADIENT_NORM_GLOBAL not in loop.kept.points()


def test_gradients_and_updates_are_sampled_in_pairs_later(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    loop = make_loop(model, schedule=Schedule(dense_steps=2, stride=5))
    for _ in range(12):
        loop.step(inputs)
    loop.recorder.close()
    points = loop.kept.points()
    for key in (keys.GRADIENT_NORM_GLOBAL, keys.UPDATE_RATIO_GLOBAL):
        assert [step for step, _ in points[key]] == [0, 1, 2, 7, 8, 11]
    assert [step for step, _ in points[keys.TRAIN_LOSS]] == list(range(12))


def test_packets_are_handed_over_while_the_loop_runs(
    make_loop: MakeLoop,
    model: nn.Module,
    inputs: torch.Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = make_loop(model, flush_every=1000)
    loop.step(inputs)
    assert not loop.kept.packets
    now = time.perf_counter()
    monkeypatch.setattr(time, "perf_counter", lambda: now + 3.0)
    loop.step(inputs)
    assert [packet.size for packet in loop.kept.packets] == [10]


def test_a_step_that_is_not_taken_is_counted(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    loop = make_loop(model)
    loop.step(inputs)
    loop.recorder.begin_step(2.0)
    loop.step(inputs)
    loop.recorder.close()
    assert loop.kept.points()[keys.SKIPPED_STEPS] == [(1, 1.0)]
    assert [step for step, _ in loop.kept.points()[keys.TRAIN_LOSS]] == [0, 1, 2]
    assert [step for step, _ in loop.kept.points()["learning_rate/0"]] == [0, 2]


def test_a_closure_that_is_evaluated_often_is_one_step(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    loop = make_loop(model, torch.optim.LBFGS(model.parameters(), max_iter=4))
    evaluations = 0

    def closure() -> torch.Tensor:
        nonlocal evaluations
        evaluations += 1
        loop.optimizer.zero_grad()
        loss = model(inputs).square().mean()
        loss.backward()
        loop.recorder.begin_step(loss.detach())
        return loss

    for _ in range(2):
        loop.optimizer.step(closure)
    loop.recorder.close()
    assert evaluations > 2
    assert keys.SKIPPED_STEPS not in loop.kept.points()
    for key in (keys.TRAIN_LOSS, "learning_rate/0", keys.UPDATE_RATIO_GLOBAL):
        assert [step for step, _ in loop.kept.points()[key]] == [0, 1]


def scaled_step(
    loop: Any, scaler: torch.amp.GradScaler, inputs: torch.Tensor, unscale: bool = False
) -> None:
    loop.optimizer.zero_grad()
    loss = loop.model(inputs).square().mean()
    scaler.scale(loss).backward()
    if unscale:
        scaler.unscale_(loop.optimizer)
    loop.recorder.begin_step(loss)
    scaler.step(loop.optimizer)
    scaler.update()


@pytest.mark.parametrize("unscale", [False, True])
def test_a_scaled_gradient_is_measured_unscaled(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor, unscale: bool
) -> None:
    model.eval()
    plain = make_loop(model)
    plain.step(inputs)
    plain.recorder.close()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * parameter.grad)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaled = make_loop(model, scaler=scaler)
    scaled_step(scaled, scaler, inputs, unscale)
    scaled.recorder.close()
    expected = plain.kept.values(keys.GRADIENT_NORM_GLOBAL)
    assert scaled.kept.values(keys.GRADIENT_NORM_GLOBAL) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_the_scaler_skips_is_counted(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor, fused: bool
) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=fused)
    loop = make_loop(model, optimizer, scaler=scaler)
    scaled_step(loop, scaler, inputs)
    scaled_step(loop, scaler, torch.full_like(inputs, math.inf))
    scaled_step(loop, scaler, inputs)
    loop.recorder.close()
    assert loop.kept.points()[keys.SKIPPED_STEPS][-1][1] == 1.0


def test_validations_lie_at_the_step_reached(
    make_loop: MakeLoop, model: nn.Module, inputs: torch.Tensor
) -> None:
    loop = make_loop(model)
    for _ in range(3):
        loop.step(inputs)
    loop.recorder.add({keys.VALIDATION_LOSS: 0.5})
    loop.step(inputs)
    loop.recorder.close()
    points = loop.kept.points()
    assert points[keys.VALIDATION_LOSS] == [(2, 0.5)]
    assert [step for step, _ in points[keys.STEP_SECONDS]] == [1, 2]


def test_the_optimizer_is_let_go(make_loop: MakeLoop, model: nn.Module) -> None:
    loop = make_loop(model)
    loop.recorder.close()
    assert not loop.optimizer._optimizer_step_pre_hooks
    assert not loop.optimizer._optimizer_step_post_hooks
