"""Steps and epochs are told apart, and both lie between the run's start and its end."""

from __future__ import annotations

import pytest

from tuneguard.history import Axis, RunHistory


def counted(start: int, count: int, by: int = 1) -> list[tuple[int, float]]:
    return [(start + by * i, 1.0 / (i + 1)) for i in range(count)]


def test_validation_at_every_whole_number_is_counted_in_epochs() -> None:
    history = RunHistory.from_series({"loss": counted(0, 1000), "val_loss": counted(0, 10)})
    assert history.series["loss"].axis is Axis.STEP
    assert history.series["val_loss"].axis is Axis.EPOCH


def test_an_accuracy_by_epoch_tells_as_much_as_a_loss() -> None:
    history = RunHistory.from_series({"loss": counted(0, 1000), "val_acc": counted(1, 10)})
    assert history.series["val_acc"].axis is Axis.EPOCH


def test_validation_at_steps_shares_the_axis_of_training() -> None:
    history = RunHistory.from_series(
        {"loss": counted(0, 1000), "val_loss": counted(100, 10, by=100)}
    )
    assert {series.axis for series in history.series.values()} == {Axis.STEP}


def test_a_run_logged_by_epoch_alone_is_on_one_axis() -> None:
    history = RunHistory.from_series({"loss": counted(1, 20), "val_loss": counted(1, 20)})
    assert {series.axis for series in history.series.values()} == {Axis.EPOCH}


def test_an_epoch_average_logged_at_global_steps_counts_steps() -> None:
    history = RunHistory.from_series(
        {"train_loss_step": counted(0, 500), "train_loss_epoch": counted(99, 5, by=100)}
    )
    assert history.series["train_loss_epoch"].axis is Axis.STEP


@pytest.mark.parametrize(("first_epoch", "expected"), [(0, [0.25, 1.0]), (1, [0.25, 1.0])])
def test_what_an_epoch_gave_is_known_at_its_end(first_epoch: int, expected: list[float]) -> None:
    history = RunHistory.from_series(
        {"loss": counted(0, 1000), "val_loss": counted(first_epoch, 4)}
    )
    positions = history.series["val_loss"].positions
    assert [positions[0], positions[-1]] == pytest.approx(expected)


def test_the_caller_knows_the_axis_best() -> None:
    history = RunHistory.from_series({"val_loss": counted(0, 10)}, axis="step")
    assert history.series["val_loss"].axis is Axis.STEP


@pytest.mark.parametrize("points", [[], [(0, 1.0)], [(-5, 1.0), (-1, 0.5)]])
def test_odd_series_have_positions_too(points: list[tuple[int, float]]) -> None:
    series = RunHistory.from_series({"loss": points}).series["loss"]
    assert len(series.positions) == len(points)
    assert all(0.0 <= position <= 1.0 for position in series.positions)
