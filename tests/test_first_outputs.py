"""How large first outputs are, as the gradients and updates of a real network tell."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tuneguard import RunHistory, keys
from tuneguard.first_outputs import first_outputs

RATE, SAMPLES, INPUTS, WIDTH, OUTPUTS = 0.01, 512, 12, 40, 3
SIZES = f'{{"0": {(INPUTS + 1) * WIDTH}, "2": {(WIDTH + 1) * OUTPUTS}}}'


def network(scale: float) -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(INPUTS, WIDTH), nn.ReLU(), nn.Linear(WIDTH, OUTPUTS))
    with torch.no_grad():
        for parameter in model[-1].parameters():
            parameter.mul_(scale)
    return model


def norm_of(tensors: list[torch.Tensor]) -> float:
    return float(torch.linalg.vector_norm(torch.cat([one.flatten() for one in tensors])))


def measured(
    optimizer: str = "Adam",
    *,
    scale: float = 1.0,
    offset: float = 0.0,
    warm: int = 0,
    params: dict[str, str] | None = None,
) -> tuple[RunHistory, float]:
    """Take a few steps, and measure them as the recorder does.

    Args:
        optimizer: Name of torch's class.
        scale: What the last layer's weights are multiplied by.
        offset: Mean of the targets, of variance 1.
        warm: First steps at a learning rate of 0.
        params: What is known otherwise.

    Returns:
        The run, and the mean square of its first outputs.
    """
    model = network(scale)
    inputs = torch.randn(SAMPLES, INPUTS)
    targets = offset + torch.randn(SAMPLES, OUTPUTS)
    size = float(model(inputs).detach().square().mean())
    stepper = getattr(torch.optim, optimizer)(model.parameters(), lr=RATE)
    series: dict[str, list[tuple[float, float]]] = {}
    for step in range(warm + 2):
        stepper.param_groups[0]["lr"] = RATE if step >= warm else 0.0
        before = copy.deepcopy(model)
        stepper.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        stepper.step()
        found = {keys.TRAIN_LOSS: float(loss.detach()), **lengths(before, model)}
        for key, value in found.items():
            series.setdefault(key, []).append((float(step), value))
    facts = {"optimizer": optimizer, "output_units": str(OUTPUTS), "layer_sizes": SIZES}
    run = RunHistory.from_series(
        series, {**facts, **(params or {})}, axis="step", layers=["0", "2"]
    )
    return run, size


def lengths(before: nn.Sequential, after: nn.Sequential) -> dict[str, float]:
    parts = {"0": (before[0], after[0]), "2": (before[2], after[2]), keys.GLOBAL: (before, after)}
    found = {}
    for name, (old, new) in parts.items():
        pairs = list(zip(old.parameters(), new.parameters(), strict=True))
        update = norm_of([now.detach() - then.detach() for then, now in pairs])
        found[f"{keys.GRADIENT_NORM}/{name}"] = norm_of([now.grad for _, now in pairs])
        found[f"{keys.UPDATE_NORM}/{name}"] = update
        found[f"{keys.UPDATE_RATIO}/{name}"] = update / norm_of(
            [then.detach() for then, _ in pairs]
        )
    return found


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop", "Adagrad"])
@pytest.mark.parametrize("offset", [2.0, 20.0])
def test_targets_far_from_0_make_no_outputs_large(optimizer: str, offset: float) -> None:
    run, size = measured(optimizer, offset=offset)
    found = first_outputs(run, 1.0, 0.5)
    assert size < 0.1
    assert found is not None
    assert found.value == pytest.approx(size, rel=1.0)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop", "Adagrad"])
@pytest.mark.parametrize("scale", [8.0, 50.0])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_large_outputs_are_seen_at_up_to_a_tenth_of_their_size(
    optimizer: str, scale: float, offset: float
) -> None:
    run, size = measured(optimizer, scale=scale, offset=offset)
    found = first_outputs(run, 1.0, 0.5)
    assert size > 3.0
    assert found is not None
    assert 0.1 * size < found.value < 2.0 * size


def test_a_first_step_that_changes_nothing_is_passed_over() -> None:
    at_once, late = measured(offset=4.0)[0], measured(offset=4.0, warm=3)[0]
    first, second = first_outputs(at_once, 1.0, 0.5), first_outputs(late, 1.0, 0.5)
    assert first is not None
    assert second is not None
    assert second.value == pytest.approx(first.value, rel=1e-3)
    assert (first.steps, second.steps) == ((0.0, 0.0), (3.0, 3.0))


@pytest.mark.parametrize(
    "params",
    [{"output_units": ""}, {"layer_sizes": "{}"}, {"output_units": "7"}],
    ids=["outputs not known", "sizes not known", "last layer not linear"],
)
def test_without_a_linear_last_layer_nobody_can_tell(params: dict[str, str]) -> None:
    assert first_outputs(measured(offset=4.0, params=params)[0], 1.0, 0.5) is None


def test_a_run_whose_layers_were_not_measured_cannot_tell() -> None:
    assert first_outputs(measured(offset=4.0, warm=30)[0], 1.0, 0.5) is None
    losses = [(float(step), 5.0) for step in range(20)]
    assert first_outputs(RunHistory.from_series({keys.TRAIN_LOSS: losses}, {}), 1.0, 0.5) is None
