"""Validations of a model that gives one answer, or two, against those of one that guesses."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.statistics.even_errors import loss_of_even_errors
from tuneguard.statistics.single_answer import late_rows

ROWS = 16
FLAT = np.full(ROWS, 1.6)


@pytest.mark.parametrize(
    ("samples", "classes", "most"), [(400, 10, 0.5), (2_000, 4, 0.5), (100, 10, 0.7)]
)
def test_guesses_seldom_come_out_the_same(samples: int, classes: int, most: float) -> None:
    """Few samples have few scores, so that equal ones are common, but hardly so common."""
    rng, shares = np.random.default_rng(0), []
    for _ in range(200):
        rows = late_rows(FLAT, rng.binomial(samples, 1.0 / classes, ROWS) / samples, np.empty(0))
        assert rows is not None
        shares.append(rows.same)
    assert np.mean(shares) < most
    assert np.mean(np.array(shares) >= 0.7) <= 0.05


def test_a_model_that_flips_between_two_answers_is_seen() -> None:
    rows = late_rows(FLAT, np.where(np.arange(ROWS) % 3 == 0, 0.11, 0.12), np.empty(0))
    assert rows is not None
    assert (rows.same, rows.score) == (1.0, 0.12)


@pytest.mark.parametrize(
    ("alive", "full_rate", "expected"), [(16, 0.0, (8, 15)), (10, 0.0, (5, 9)), (10, 5.0, None)]
)
def test_rows_after_the_rate_died_do_not_count(
    alive: int, full_rate: float, expected: tuple[int, int] | None
) -> None:
    rates = np.where(np.arange(ROWS) < alive, 0.1, 1e-4)
    rows = late_rows(FLAT, FLAT, rates, full_rate)
    assert (None if rows is None else (rows.first, rows.last)) == expected


def test_fall_range_and_peak_are_shares_of_the_later_losses() -> None:
    losses = np.concatenate([np.full(8, 2.0), np.linspace(1.1, 0.9, 8)])
    rows = late_rows(losses, FLAT, np.empty(0))
    assert rows is not None
    assert rows.moved == pytest.approx(0.2)
    assert rows.fell == pytest.approx(1.2 / 7.0)
    assert rows.peak == pytest.approx(2.0)


@pytest.mark.parametrize("classes", [2, 5, 100])
def test_even_errors_cost_most_at_the_accuracy_of_a_guess(classes: int) -> None:
    guess = loss_of_even_errors(1.0 / classes, classes)
    assert guess == pytest.approx(np.log(classes))
    assert all(loss_of_even_errors(right, classes) < guess for right in (0.9, 0.99))
