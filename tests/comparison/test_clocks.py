"""Runs laid over each other by steps, epochs and seconds."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard import RunHistory, TuneGuardError, compare
from tuneguard.comparison.clocks import seconds_spent, tracks_of


def history(validations, seconds=None, params=None, axis="step"):
    at = np.arange(validations)
    loss = 0.5 + 2.0 * np.exp(-at / 6.0)
    series = {"validation/loss": list(zip((10 * at + 9).tolist(), loss.tolist(), strict=True))}
    if seconds is not None:
        series["time/step_seconds"] = [(step, seconds) for step in range(10 * validations)]
    return RunHistory.from_series(series, params, axis=axis, status="finished")


def ends(paired_on, *histories):
    series = [one.series["validation/loss"] for one in histories]
    return [one.end for one in tracks_of(series, histories, paired_on)]


def test_seconds_are_the_sum_of_the_step_times():
    one = history(40, seconds=0.5)
    assert seconds_spent(one) == pytest.approx(200.0)
    assert ends("time", one) == pytest.approx([200.0], rel=0.01)


def test_a_run_that_is_twice_as_fast_gets_twice_the_steps_in_the_same_time():
    slow, fast = history(20, seconds=0.2), history(40, seconds=0.1)
    assert ends("time", slow, fast) == pytest.approx([40.0, 40.0], rel=0.02)
    assert ends("step", slow, fast) == [199.0, 399.0]


def test_epochs_come_from_batch_size_and_samples():
    params = {"batch_size": 50, "train_samples": 1000}
    assert ends("epoch", history(40, params=params)) == pytest.approx([399 * 50 / 1000])


def test_epochs_come_from_an_epoch_series_where_the_params_do_not_tell():
    one = history(40)
    series = dict(one.series) | {"epoch": [(0, 0.0), (399, 8.0)]}
    assert ends("epoch", RunHistory.from_series(series, axis="step")) == pytest.approx([8.0])


@pytest.mark.parametrize(
    ("paired_on", "word"), [("time", "step_seconds"), ("epoch", "batch_size")]
)
def test_what_is_missing_is_named(paired_on, word):
    with pytest.raises(TuneGuardError, match=word):
        compare(history(20), history(20), paired_on=paired_on)


def test_steps_and_epochs_are_laid_over_each_other_by_progress():
    assert ends("step", history(40), history(40, axis="epoch")) == [100.0, 100.0]
