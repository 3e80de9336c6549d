"""A picture holds a few hundred points, all on one axis."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.findings import View
from tuneguard.history import Axis, RunHistory, Series
from tuneguard.pictures import overview, picture_of


def run(**series) -> RunHistory:
    return RunHistory.from_series(series)


def falling(first: float, last: float, count: int = 100) -> list[tuple[int, float]]:
    return list(enumerate(np.linspace(first, last, count)))


def mixed() -> RunHistory:
    """A run whose training is counted in steps and whose validation in epochs."""
    return RunHistory.from_series(
        {
            "train_loss": falling(2.0, 1.0, 1001),
            "val_loss": [(epoch, 2.0 + abs(epoch - 4) / 10) for epoch in range(1, 11)],
        }
    )


def test_lines_that_count_differently_share_an_axis() -> None:
    history = mixed()
    assert history.series["val_loss"].axis is Axis.EPOCH
    picture = picture_of(View(("train_loss", "val_loss")), history)
    assert picture.axis == "step"
    validation = picture.lines[1]
    assert validation.steps == pytest.approx([100.0 * epoch for epoch in range(1, 11)])


def test_the_overview_shows_losses_and_learning_rate() -> None:
    history = run(
        train_loss=falling(2, 1), val_loss=falling(2, 1), lr=falling(0.1, 0), acc=[(0, 1)]
    )
    picture = overview(history)
    assert picture is not None
    assert [line.metric for line in picture.lines] == ["train_loss", "val_loss", "lr"]
    assert not picture.view.log_scale


def test_the_best_validation_is_marked_where_nothing_else_is() -> None:
    picture = overview(mixed())
    assert picture is not None
    assert picture.view.marks == ((pytest.approx(400.0), "best validation"),)


def test_a_run_without_a_loss_has_no_overview() -> None:
    assert overview(run(accuracy=falling(0, 1))) is None


@pytest.mark.parametrize(("last", "is_log"), [(0.001, True), (1.0, False), (-1.0, False)])
def test_a_loss_that_falls_far_is_shown_on_a_log_scale(last: float, is_log: bool) -> None:
    values = np.geomspace(2.0, last, 100) if last > 0 else np.linspace(2.0, last, 100)
    picture = overview(run(train_loss=list(enumerate(values))))
    assert picture is not None
    assert picture.view.log_scale is is_log


def test_a_million_steps_are_a_few_hundred_points() -> None:
    steps = np.arange(1_000_000)
    loss = Series.from_arrays("train/loss", steps, 1.0 / (1.0 + steps))
    picture = overview(RunHistory.from_series({"train/loss": loss}))
    assert picture is not None
    assert len(picture.lines[0].steps) <= 600
