"""A faulty training takes its settings as parameters, and stops where patience ends."""

import json

import pytest

pytest.importorskip("tomllib")

from benchmarks.error_rates.outcomes import Level
from benchmarks.error_rates.plan import setup_of
from benchmarks.treatment_rates.__main__ import PAGE, RESULTS, render
from benchmarks.treatment_rates.patients import PATIENTS, params_of, stopped
from benchmarks.treatment_rates.treating import Treated
from tuneguard import RunHistory, keys
from tuneguard.treatment.settings import Settings


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda one: one.called)
def test_every_parameter_is_a_setting_that_may_be_prescribed(patient):
    params = params_of(setup_of(patient.spec(300)))
    assert set(Settings(params).known) == set(params)


def test_training_stops_when_nothing_better_was_seen_for_so_long():
    losses = [3.0, 2.0, 1.0, 1.5, 1.4, 0.5]
    validation = [(10 * index, loss) for index, loss in enumerate(losses)]
    history = RunHistory.from_series(
        {
            keys.VALIDATION_LOSS: validation,
            keys.TRAIN_LOSS: [(step, 60.0 - step) for step in range(60)],
        }
    )
    short = stopped(history, 2)
    assert short.series[keys.VALIDATION_LOSS].values.tolist() == losses[:5]
    assert float(short.series[keys.TRAIN_LOSS].steps[-1]) == 40.0
    assert short.planned_steps == 41
    assert len(stopped(history, 3).series[keys.VALIDATION_LOSS]) == 6


def test_every_figure_is_on_the_page():
    found = [
        Treated(one.called, one.program, seed, True, seed == 1, 2 * seed, "", 80.0)
        for one in PATIENTS
        for seed in (1, 2)
    ]
    levels = {one.program: Level(81.0, 0.5) for one in PATIENTS}
    text = render(found, levels, {"date": "a day", "processor": "one", "seeds": 2})
    assert "| overfitting | mlp_relu | 2/2 | 1/2 | 2/2 | 3.0 |" in text


def test_the_page_has_a_row_for_each_fault():
    if not RESULTS.exists():
        pytest.skip("not measured yet: run `make treatment-rates`")
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["treated"]
    text = PAGE.read_text(encoding="utf-8")
    for patient in PATIENTS:
        own = [one for one in kept if one["called"] == patient.called]
        healthy = sum(one["is_healthy"] for one in own)
        assert f"| {patient.called} | {patient.program} |" in text
        assert f" {healthy}/{len(own)} |" in text
