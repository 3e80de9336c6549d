"""What the noise of steps holds up, against a loss whose floor is known."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history import RunHistory, Series
from tuneguard.statistics.noise_floor import held_up_loss

CURVATURES = np.array([1.0, 3.0, 9.0])


def descended(rate: float, momentum: float) -> tuple[RunHistory, float]:
    """Go down a noisy quadratic, and return the run with how high its loss stayed."""
    generator = np.random.default_rng(0)
    place, update = np.ones(3), np.zeros(3)
    losses, gradients, updates = [], [], []
    for _ in range(6000):
        losses.append(float(0.5 * np.sum(CURVATURES * place**2)))
        gradient = CURVATURES * place + generator.normal(size=3)
        update = momentum * update - rate * gradient
        place = place + update
        gradients.append(float(np.linalg.norm(gradient)))
        updates.append(float(np.linalg.norm(update)))
    series = {"gradient_norm/global": gradients, "update_norm/global": updates}
    built = {
        key: Series.from_arrays(key, np.arange(6000), np.array(v)) for key, v in series.items()
    }
    history = RunHistory.from_series(
        built, {"optimizer": "SGD", "momentum": momentum}, axis="step"
    )
    return history, float(np.mean(losses[3000:]))


@pytest.mark.parametrize(("rate", "momentum"), [(0.01, 0.0), (0.03, 0.0), (0.003, 0.9)])
def test_it_is_what_a_quadratic_loss_stays_above_its_floor(rate: float, momentum: float) -> None:
    history, floor = descended(rate, momentum)
    assert held_up_loss(history) == pytest.approx(floor, rel=0.25)


def test_adam_has_a_memory_of_its_own() -> None:
    points = [(step, 2.0) for step in range(10)]
    norms = {"gradient_norm/global": points, "update_norm/global": points}
    found = held_up_loss(RunHistory.from_series(norms, {"optimizer": "AdamW"}))
    assert found == pytest.approx(np.sqrt(19.0))


def test_without_norms_nothing_is_known() -> None:
    assert held_up_loss(RunHistory.from_series({"loss": [(0, 1.0), (1, 0.5)]})) is None
