"""Rules on healthy runs drawn at random: a small sample of what the benchmark counts in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest

from benchmarks.synthetic_noise.counting import PHIS, Said, counted, said_of
from benchmarks.synthetic_noise.courses import (
    DECAYS,
    SCHEDULES,
    course,
    learning_rate,
    remembering,
)
from benchmarks.synthetic_noise.healthy import FORMS, healthy_history
from benchmarks.synthetic_noise.page import table
from tuneguard.findings import Severity
from tuneguard.history import Role

RUNS = 5
MOST_ALARMS = 1  # of all rules together, in some 200 judgements


@pytest.fixture(scope="module")
def said() -> list[Said]:
    """What all rules say of a few runs at each phi."""
    return [one for phi in PHIS for seed in range(RUNS) for one in said_of(seed, phi)]


def alarms(said: Iterable[Said]) -> list[Said]:
    return [one for one in said if one.is_alarm]


def test_hardly_any_rule_raises_an_alarm_on_healthy_noise(said: list[Said]) -> None:
    assert len(alarms(said)) <= MOST_ALARMS, alarms(said)


def test_most_judgements_are_made_not_left(said: list[Said]) -> None:
    judged = Counter(one.rule for one in said)
    whole = RUNS * len(PHIS)
    assert all(judged[rule] > 0.8 * whole for rule in ("non-finite-values", "divergence"))
    assert sum(judged.values()) >= 5 * whole


def test_counts_tell_alarms_from_advice_and_silence() -> None:
    place = ("overfitting", 0, 0.5, "rows", 40)
    found = [Said(*place), Said(*place, Severity.INFO), Said(*place, Severity.WARNING)]
    row = dict(counted(found))["overfitting"]
    assert [(one.judged, one.alarms, one.advice) for one in row.values()] == [
        (0, 0, 0),
        (3, 1, 1),
        (0, 0, 0),
    ]
    assert (
        table([("overfitting", row)])[-1]
        == "| overfitting | 0 + 0 of 0 | 1 + 1 of 3 | 0 + 0 of 0 |"
    )


@pytest.mark.parametrize("phi", PHIS)
def test_the_noise_has_unit_variance_and_remembers_by_phi(phi: float) -> None:
    noise = remembering(np.random.default_rng(1), 50_000, phi)
    assert noise.std() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(phi, abs=0.02)


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_healthy_course_ends_where_hardly_anything_is_left(decay, schedule) -> None:
    done = np.arange(200) / 200
    for seed in range(20):
        left = course(np.random.default_rng(seed), decay, schedule, done)
        assert left[0] == pytest.approx(1.0, abs=0.01)
        assert (np.diff(left) <= 0.0).all()
        assert left[160] - left[-1] < 0.05
        assert (learning_rate(np.random.default_rng(seed), schedule, done) >= 0.0).all()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_what_its_readers_know(form) -> None:
    for seed in range(3):
        run, history = healthy_history(seed, 0.5, form)
        loss = history.get(Role.TRAIN_LOSS)
        assert loss is not None
        assert len(loss) == run.points
        assert np.isfinite(loss.values).all()
        assert (loss.values > 0.0).all()
        assert history.get(Role.VALIDATION_LOSS) is not None
        assert bool(history.layers) == (form == "recorded")
        assert bool(history.of_layers("update_ratio")) == (form != "rows")
