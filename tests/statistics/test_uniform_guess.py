"""How many classes a model guesses among: against models whose answers are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuneguard.statistics.uniform_guess import classes_guessed, most_classes


def validations(classes: int, seed: int, skill: float) -> tuple[np.ndarray, np.ndarray]:
    """Sixteen validations of 400 samples, by a model that knows a share of the answers."""
    draw = np.random.default_rng(seed)
    hits = draw.binomial(400, skill + (1.0 - skill) / classes, size=16) / 400
    losses = (1.0 - skill) * math.log(classes) + 0.01 * draw.normal(size=16)
    return losses, hits


@pytest.mark.parametrize("classes", [3, 4, 5, 10])
def test_guesses_tell_the_number_of_classes(classes: int) -> None:
    found = [classes_guessed(*validations(classes, seed, 0.0)) for seed in range(50)]
    assert {abs(one - classes) <= 1 for one in found if one is not None} == {True}
    assert sum(one is None for one in found) <= 2


@pytest.mark.parametrize("classes", [3, 4, 5, 10, 100])
@pytest.mark.parametrize("skill", [0.5, 0.8])
def test_models_that_know_something_do_not_guess(classes: int, skill: float) -> None:
    found = [classes_guessed(*validations(classes, seed, skill)) for seed in range(50)]
    assert found == [None] * 50


def test_a_guess_at_the_end_counts_as_one_at_the_beginning() -> None:
    losses, hits = np.full(9, 0.4), np.full(9, 0.85)
    losses[-3:], hits[-3:] = math.log(7.0), 1.0 / 7.0
    assert classes_guessed(losses, hits) == 7
    assert classes_guessed(losses[::-1], hits[::-1]) == 7


@pytest.mark.parametrize("losses", [[0.69, 0.69], [math.nan] * 5, [20.0] * 5, [-1.0] * 5])
def test_what_is_no_cross_entropy_tells_nothing(losses: list[float]) -> None:
    assert classes_guessed(np.array(losses), np.full(len(losses), 0.5)) is None


@pytest.mark.parametrize("classes", [2, 5, 10, 100])
def test_a_run_that_guessed_once_bounds_the_classes(classes: int) -> None:
    rng = np.random.default_rng(classes)
    for _ in range(20):
        accuracy = np.array([rng.binomial(2000, 1.0 / classes) / 2000.0, 0.5, 0.9])
        assert classes <= most_classes(accuracy) <= 4.0 * classes


def test_nothing_right_bounds_nothing() -> None:
    assert most_classes(np.zeros(5)) == math.inf
