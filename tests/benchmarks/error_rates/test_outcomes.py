from dataclasses import replace

import pytest

pytest.importorskip("tomllib")

from benchmarks.error_rates.outcomes import Outcome, Standing, standings
from benchmarks.error_rates.plan import BASE, RunSpec

TWIN_SCORES = (90.0, 91.0, 92.0, 91.0, 90.0, 92.0)
MEAN = 91.0
LOSSES = (2.0, 1.0, 0.5)
FAULTY = RunSpec("cnn", "learning_rate_too_low", 1, BASE, 100)
OTHER = RunSpec("cnn", None, 0, "half_rate", 8)


def outcome(score: float, losses: tuple[float, ...] = LOSSES, **changes: object) -> Outcome:
    return replace(Outcome(score, 2.5, losses), **changes)


def twins(scores: tuple[float, ...] = TWIN_SCORES) -> dict[RunSpec, Outcome]:
    return {
        RunSpec("cnn", None, 0, BASE, seed): outcome(score) for seed, score in enumerate(scores)
    }


def standing(spec: RunSpec, ended: Outcome, **others: Outcome) -> Standing:
    return standings({**twins(), spec: ended})[spec]


@pytest.mark.parametrize(
    ("score", "expected"),
    [(MEAN - 4.9, Standing.UNMANIFEST), (MEAN - 5.1, Standing.MANIFEST)],
)
def test_a_fault_shows_from_five_points_below_its_twins(score, expected):
    assert standing(FAULTY, outcome(score)) is expected


def test_where_twins_differ_much_a_fault_must_cost_three_deviations():
    spread = twins((71.0, 81.0, 91.0, 101.0, 111.0))

    found = standings({**spread, FAULTY: outcome(MEAN - 20.0)})

    assert found[FAULTY] is Standing.UNMANIFEST


def test_a_mechanism_that_was_measured_shows_whatever_the_score():
    assert standing(FAULTY, outcome(MEAN, has_mechanism=True)) is Standing.MANIFEST


def test_a_variant_that_scores_below_the_twins_is_held_against_its_own():
    others = {replace(OTHER, seed=seed): outcome(70.0 + seed % 2) for seed in range(8, 13)}

    found = standings({**twins(), **others})

    assert {found[spec] for spec in others} == {Standing.HEALTHY}


def test_a_healthy_run_that_failed_is_left_out():
    others = {replace(OTHER, seed=seed): outcome(90.0) for seed in range(9, 21)}

    assert standings({**twins(), **others, OTHER: outcome(20.0)})[OTHER] is Standing.UNHEALTHY


@pytest.mark.parametrize(
    ("last", "expected"),
    [(0.65, Standing.HEALTHY), (0.75, Standing.UNHEALTHY), (float("nan"), Standing.UNHEALTHY)],
)
def test_a_test_loss_that_gave_back_a_tenth_of_what_was_gained_is_not_healthy(last, expected):
    assert standing(OTHER, outcome(MEAN, (2.0, 0.5, last))) is expected


def test_too_few_twins_are_no_measure():
    with pytest.raises(ValueError, match="4 twins"):
        standings(twins((90.0, 91.0, 92.0, 91.0)))
