from __future__ import annotations

import copy
import os
import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from tuneguard.recording import activations, units
from tuneguard.recording.units import UnitStatistics


def test_micro_batches_are_one_batch(measured: Any, silent: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 1))
    parts = torch.randn(4, 50, 2)
    values = measured(model, *(lambda part=part: model(part).sum() for part in parts))
    hidden = model[1](model[0](parts.reshape(200, 2)))
    assert values["dead_units/1"] == silent(hidden)
    assert silent(hidden) < silent(model[1](model[0](parts[0])))


def test_a_validation_does_not_count_and_bears_no_hook() -> None:
    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 2))
    statistics = UnitStatistics(model)
    statistics.arm()
    with torch.no_grad():
        model(torch.randn(200, 6))
    model.eval()
    model(torch.randn(200, 6))
    assert not torch_module._global_forward_hooks
    model.train()
    assert statistics.collect() is None


def test_forward_passes_without_gradient_do_not_count(measured: Any, silent: Any) -> None:
    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 2))

    def with_a_look_aside() -> torch.Tensor:
        with torch.no_grad():
            model(100 * torch.randn(500, 6))
        return model(torch.zeros(200, 6)).sum()

    values = measured(model, with_a_look_aside)
    assert values["dead_units/1"] == silent(model[1](model[0](torch.zeros(200, 6))))


# how torch 2.4 computes a checkpoint again
@pytest.mark.filterwarnings("ignore:`torch.cpu.amp.autocast:FutureWarning")
@pytest.mark.parametrize("use_reentrant", [True, False])
def test_recomputed_activations_count_once(
    use_reentrant: bool, measured: Any, of_hooks: Any, make_shared: Any
) -> None:
    model = make_shared()
    head = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    both = nn.Sequential(model, head)
    inputs = torch.randn(200, 6, requires_grad=True)
    plain = of_hooks(measured(both, lambda: both(inputs).sum()))

    def with_checkpoints() -> torch.Tensor:
        hidden = checkpoint(model, inputs, use_reentrant=use_reentrant)
        return checkpoint(head, hidden, use_reentrant=use_reentrant).sum()

    assert of_hooks(measured(both, with_checkpoints)) == pytest.approx(plain)
    assert set(plain) == {"dead_units/0.relu", "dead_units/0.relu.2", "saturated_units/1.1"}


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("how", ["wrapped", "in place", "as a step"])
def test_nothing_compiled_is_touched(backend: str, how: str, make_functional: Any) -> None:
    torch._dynamo.reset()
    model = make_functional()
    called: Any = model
    if how == "wrapped":
        called = torch.compile(model, backend=backend)
    elif how == "in place":
        model.compile(backend=backend)
    else:

        def step(inputs: torch.Tensor) -> torch.Tensor:
            return model(inputs)

        called = torch.compile(step, backend=backend)
    statistics = UnitStatistics(called if how == "wrapped" else model)
    inputs = torch.randn(200, 6)
    called(inputs).sum().backward()
    compiled = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert compiled
    statistics.arm()
    assert not torch_module._global_forward_hooks
    called(inputs).sum().backward()
    sample = statistics.collect()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == compiled
    assert sample is None  # the size of the batch is not known, and one may be small


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_measured(
    dtype: torch.dtype, measured: Any, of_hooks: Any, lowered: Any
) -> None:
    model = nn.Sequential(
        lowered(nn.Linear(6, 20), 5), nn.ReLU(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1)
    )
    inputs = torch.randn(200, 6)
    plain = of_hooks(measured(model, lambda: model(inputs).sum()))

    def under_autocast() -> torch.Tensor:
        with torch.autocast("cpu", dtype=dtype):
            return model(inputs).sum()

    assert of_hooks(measured(model, under_autocast)) == pytest.approx(plain, abs=0.05)
    model = model.to(dtype)
    values = of_hooks(measured(model, lambda: model(inputs.to(dtype)).sum()))
    assert values == pytest.approx(plain, abs=0.05)


# how torch before 2.6 unpickles a tensor
@pytest.mark.filterwarnings("ignore:You are using `torch.load`:FutureWarning")
def test_copies_made_in_mid_step_carry_nothing() -> None:
    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU())
    statistics = UnitStatistics(model)
    statistics.arm()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not any(one._forward_hooks for one in twin.modules())
    statistics.close()


def test_no_hook_outlives_a_failing_forward() -> None:
    class Failing(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            raise ZeroDivisionError

    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), Failing())
    statistics = UnitStatistics(model)
    statistics.arm()
    with pytest.raises(ZeroDivisionError):
        model(torch.randn(200, 6))
    statistics.close()
    assert not torch_module._global_forward_hooks
    assert statistics.collect() is None


def test_a_failure_of_ours_ends_the_measuring_and_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, measured: Any
) -> None:
    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 1))

    def broken(*_: object) -> None:
        raise ArithmeticError("no")

    monkeypatch.setattr(activations.Firing, "activity", broken)
    statistics = UnitStatistics(model)
    for _ in range(3):
        measured(model, lambda: model(torch.randn(9, 6)).sum(), statistics=statistics)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_forked_child_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 1))
    statistics = UnitStatistics(model)
    statistics.arm()
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        model(torch.randn(200, 6))
    assert statistics.collect() is None


def test_layers_that_are_thawed_begin_anew(measured: Any, make_functional: Any) -> None:
    model = make_functional()
    model.hidden.requires_grad_(False)
    statistics = UnitStatistics(model)
    inputs = torch.randn(200, 6)
    assert set(measured(model, lambda: model(inputs).sum(), statistics=statistics)) == {
        "zero_gradient_units/head"
    }
    model.hidden.requires_grad_(True)
    values = measured(model, lambda: model(inputs).sum(), statistics=statistics)
    assert values["zero_gradient_units/hidden"] >= 0.25


def test_many_activations_take_turns(
    monkeypatch: pytest.MonkeyPatch, measured: Any, of_hooks: Any
) -> None:
    monkeypatch.setattr(units, "MOST_MODULES", 2)
    model = nn.Sequential(*(one for _ in range(3) for one in (nn.Linear(6, 6), nn.Tanh())))
    model.append(nn.Linear(6, 1))
    statistics = UnitStatistics(model)
    seen = [
        set(
            of_hooks(
                measured(model, lambda: model(torch.randn(9, 6)).sum(), statistics=statistics)
            )
        )
        for _ in range(3)
    ]
    keys = [f"saturated_units/{path}" for path in (1, 3, 5)]
    assert seen == [{keys[0], keys[1]}, {keys[2], keys[0]}, {keys[1], keys[2]}]


def test_transformed_functions_are_left_alone(
    measured: Any, of_hooks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 10), nn.Tanh())
    model.append(nn.Linear(10, 1))
    inputs = torch.randn(200, 6)
    plain = of_hooks(measured(model, lambda: model(inputs).sum()))

    def loss(weights: dict[str, torch.Tensor], sample: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(model, weights, (100 * sample,)).sum()

    def with_gradients_of_samples() -> torch.Tensor:
        torch.func.vmap(torch.func.grad(loss), (None, 0))(dict(model.named_parameters()), inputs)
        return model(inputs).sum()

    assert of_hooks(measured(model, with_gradients_of_samples)) == pytest.approx(plain)
    assert not caplog.records


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_traced_and_exported_graphs_are_those_of_the_model() -> None:
    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 10), nn.Tanh())
    model.append(nn.Linear(10, 1))
    inputs = torch.randn(200, 6)

    def graphs() -> list[str]:
        exported = torch.export.export(model, (inputs,)).graph
        return [str(torch.jit.trace(model, inputs).inlined_graph), str(exported)]

    plain = graphs()
    statistics = UnitStatistics(model)
    statistics.arm()
    assert torch_module._global_forward_hooks
    armed = graphs()
    statistics.close()
    assert [one.count("\n") for one in armed] == [one.count("\n") for one in plain]
    assert armed[1] == plain[1]


def test_nothing_asks_for_a_value() -> None:
    asked: list[str] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            asked.append(str(func))
            return func(*args, **(kwargs or {}))

    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 10), nn.Sigmoid())
    model.extend([nn.Linear(10, 4), nn.Softmax(dim=1), nn.Linear(4, 1)])
    statistics = UnitStatistics(model)
    with Watch():
        for _ in range(2):
            statistics.arm()
            for _ in range(2):
                model(torch.randn(100, 6)).sum().backward()
            sample = statistics.collect()
    assert sample is not None
    assert len(sample.parts) == 5
    assert "aten.amax.default" in asked
    # what waits for a device: a number, a decision, places of what is not zero, a copy
    waiting = (
        "_local_scalar_dense",
        "is_nonzero",
        "nonzero",
        "equal",
        "_to_copy",
        "masked_select",
    )
    assert not [one for one in asked if any(name in one for name in waiting)]
