"""What was known of a run at a moment."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history import Axis, Role, RunHistory, Sampling, Series
from tuneguard.live import looks, until

LOSSES = [(step, 2.0 - step / 1000.0) for step in range(1000)]


def of_steps(**others) -> RunHistory:
    series = {"train/loss": LOSSES, "validation/loss": LOSSES[199::200], **others}
    return RunHistory.from_series(series, {"lr": 0.1}, axis="step", status="finished")


def test_nothing_later_is_known():
    early = until(of_steps(), 450.0)
    assert {key: one.span[1] for key, one in early.series.items()} == {
        "train/loss": 450.0,
        "validation/loss": 399.0,
    }
    assert early.is_running
    assert early.planned_steps == 999
    assert early.last_step == 450.0


def test_the_present_is_the_end_of_what_is_known():
    early = until(of_steps(), 450.0)
    assert early.series["train/loss"].positions[-1] == 1.0
    assert early.series["validation/loss"].positions[-1] == pytest.approx(399.0 / 450.0)


def test_a_part_is_what_the_run_itself_would_have_been():
    rng = np.random.default_rng(0)
    bursts = np.sort(rng.choice(1000, 120, replace=False)).astype(float)
    key = "gradient_norm/global"
    whole = of_steps(**{key: Series.from_arrays(key, bursts, rng.random(120))})
    early = until(whole, 500.0)
    kept = bursts <= 500.0
    direct = Series.from_arrays(key, bursts[kept], whole.series[key].values[kept])
    assert np.array_equal(early.series[key].weights, direct.weights)
    assert early.series[key].sampling is direct.sampling


def test_what_had_not_begun_plays_no_role():
    early = until(of_steps(), 150.0)
    assert early.get(Role.VALIDATION_LOSS) is None
    assert early.get(Role.TRAIN_LOSS) is not None


def test_epochs_are_cut_where_the_steps_are():
    epochs = Series.from_points("val_loss", [(epoch, 1.0) for epoch in range(10)], axis=Axis.EPOCH)
    history = RunHistory.from_series({"train/loss": LOSSES, "val_loss": epochs})
    early = until(history, 499.5)
    assert early.series["val_loss"].span[1] == 4.0
    assert early.series["val_loss"].axis is Axis.EPOCH


def test_a_run_of_epochs_is_cut_at_an_epoch():
    rows = [(epoch, 1.0 / epoch) for epoch in range(1, 41)]
    history = RunHistory.from_series({"train_loss": rows, "val_loss": rows}, status="finished")
    early = until(history, 20.0)
    assert [len(one) for one in early.series.values()] == [20, 20]
    assert early.planned_steps == 40


def test_thinned_series_stay_thinned_and_plans_stay_plans():
    thinned = Series.from_arrays("train/loss", np.arange(100.0), np.ones(100), thinned=True)
    history = RunHistory.from_series({"train/loss": thinned}, planned_steps=5000)
    early = until(history, 50.0)
    assert early.series["train/loss"].sampling is Sampling.THINNED
    assert early.planned_steps == 5000


def test_looks_go_on_to_the_end_and_then_see_the_run_as_it_ended():
    seen = list(looks(of_steps(), first=100.0, growth=2.0))
    assert [one.last_step for one in seen] == [99.0, 199.0, 399.0, 799.0, 999.0]
    assert [one.status for one in seen] == ["running"] * 4 + ["finished"]


def test_looks_at_an_empty_run_are_one():
    assert len(list(looks(RunHistory.from_series({})))) == 1
