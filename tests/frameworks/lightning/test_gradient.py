"""The gradient that is recorded is complete, unscaled and not yet clipped, in every mode."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.plugins import MixedPrecision

from tests.frameworks.lightning.conftest import Fit
from tests.frameworks.lightning.modules import (
    BATCH,
    SAMPLES,
    Classifier,
    ManualClassifier,
    loader,
)
from tuneguard import RunHistory, keys, load_run
from tuneguard.lightning import TuneGuardCallback

BATCHES = SAMPLES // BATCH


def half(initial_scale: float = 64.0) -> MixedPrecision:
    # the Trainer's own precision="16-mixed" falls back to bfloat16 without a GPU
    scaler = torch.amp.GradScaler("cpu", init_scale=initial_scale)
    return MixedPrecision("16-mixed", "cpu", scaler)


def values(history: RunHistory, key: str) -> list[float]:
    return [float(value) for value in history.series[key].values]


MODES: dict[str, dict[str, Any]] = {
    "plain": {},
    "clipped by norm": {"gradient_clip_val": 0.1},
    "clipped by value": {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
    "bfloat16": {"precision": "bf16-mixed", "gradient_clip_val": 0.1},
    "double": {"precision": "64-true", "gradient_clip_val": 0.1},
}


@pytest.mark.parametrize("settings", MODES.values(), ids=MODES)
@pytest.mark.parametrize("accumulate", [1, 5])
def test_the_norm_is_that_before_clipping(
    fit: Fit, settings: dict[str, Any], accumulate: int
) -> None:
    module = Classifier()
    history = fit(module, accumulate_grad_batches=accumulate, **settings)

    steps = 2 * -(-BATCHES // accumulate)
    assert len(module.norms) == steps
    assert values(history, keys.GRADIENT_NORM_GLOBAL) == pytest.approx(module.norms, rel=1e-5)
    assert list(history.series[keys.TRAIN_LOSS].steps) == list(range(steps))
    epoch = [module.losses[start : start + BATCHES] for start in (0, BATCHES)]
    means = [
        sum(part := one[first : first + accumulate]) / len(part)
        for one in epoch
        for first in range(0, BATCHES, accumulate)
    ]
    assert values(history, keys.TRAIN_LOSS) == pytest.approx(means, rel=1e-2)


def test_clipping_is_seen(fit: Fit) -> None:
    module = Classifier()
    history = fit(module, gradient_clip_val=0.1)

    factors = [0.1 / norm for norm in module.norms]
    assert max(factors) < 1.0
    assert values(history, "gradient_clipping/factor") == pytest.approx(factors, rel=1e-3)


def test_half_precision_is_unscaled_and_its_skipped_steps_are_counted(fit: Fit) -> None:
    module = Classifier()
    precision = half(2.0**40)
    history = fit(module, plugins=[precision], gradient_clip_val=0.1)

    skipped = [norm for norm in module.norms if not math.isfinite(norm)]
    assert len(skipped) > 3
    taken = module.norms[len(skipped) :]
    recorded = values(history, keys.GRADIENT_NORM_GLOBAL)[len(skipped) :]
    assert recorded == pytest.approx(taken, rel=1e-3)
    assert values(history, keys.TRAIN_LOSS) == pytest.approx(module.losses, rel=1e-2)
    assert values(history, keys.SKIPPED_STEPS)[-1] == len(skipped)


def test_half_precision_with_accumulation(fit: Fit) -> None:
    module = Classifier()
    history = fit(module, plugins=[half()], accumulate_grad_batches=4, gradient_clip_val=0.1)

    assert len(module.norms) == 2 * BATCHES // 4
    assert values(history, keys.GRADIENT_NORM_GLOBAL) == pytest.approx(module.norms, rel=1e-3)


def test_accumulation_that_changes_while_training(trainer: Any, tracking_uri: str) -> None:
    module, callback = Classifier(), TuneGuardCallback(budget=1.0)
    schedule = GradientAccumulationScheduler({0: 1, 1: 4})
    trainer(callback, schedule).fit(module, loader())

    assert callback.run_id is not None
    history = load_run(callback.run_id, tracking_uri)
    assert len(module.norms) == BATCHES + BATCHES // 4
    assert values(history, keys.GRADIENT_NORM_GLOBAL) == pytest.approx(module.norms, rel=1e-5)


@pytest.mark.parametrize("is_half", [False, True], ids=["single", "half"])
@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("optimizers", [1, 2])
def test_manual_optimization(fit: Fit, is_half: bool, accumulate: int, optimizers: int) -> None:
    module = ManualClassifier(accumulate, optimizers)
    plugins = {"plugins": [half()]} if is_half else {}
    history = fit(module, options={"accumulate": accumulate}, **plugins)

    assert len(module.norms) == 2 * BATCHES // accumulate
    assert values(history, keys.GRADIENT_NORM_GLOBAL) == pytest.approx(module.norms, rel=1e-3)
    clipped = values(history, "gradient_clipping/factor")
    assert len(clipped) == len(module.norms)
    assert max(clipped) < 1.0


def test_a_solver_that_evaluates_its_closure_several_times(fit: Fit) -> None:
    class Solved(Classifier):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.LBFGS(self.parameters(), lr=0.1, max_iter=3)

    module = Solved()
    history = fit(module)

    recorded = values(history, keys.GRADIENT_NORM_GLOBAL)
    assert len(recorded) == 2 * BATCHES
    assert len(module.norms) > len(recorded)
    assert recorded[0] == pytest.approx(module.norms[0], rel=1e-5)
    assert all(
        any(math.isclose(one, norm, rel_tol=1e-5) for norm in module.norms) for one in recorded
    )


def test_the_trainers_accumulation_is_not_said_twice(trainer: Any) -> None:
    callback = TuneGuardCallback(accumulate=4)
    with pytest.raises(ValueError, match="accumulate_grad_batches holds"):
        trainer(callback).fit(Classifier(), loader())
