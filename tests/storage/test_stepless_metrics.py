from __future__ import annotations

import numpy as np
import pytest

from tuneguard import load_run
from tuneguard.storage.stepless_metrics import place_by_time
from tuneguard.storage.written import Written


def written(steps: list[float], values: list[float], times: list[float]) -> Written:
    return Written.from_arrays(np.array(times), np.array(steps), np.array(values))


LOSS = written([0, 10, 20, 30], [4, 3, 2, 1], [1000, 2000, 3000, 4000])


def test_time_says_which_step_was_reached() -> None:
    validation = written([0, 0, 0], [3.0, 2.0, 1.5], [1500, 2500, 3500])
    placed, notes = place_by_time({"loss": LOSS, "val_loss": validation})
    assert placed["val_loss"].steps.tolist() == [5, 15, 25]
    assert placed["loss"] is LOSS
    assert "'val_loss' lie at one step" in notes[0]
    assert "by their time" in notes[0]


def test_points_without_any_step_are_counted() -> None:
    loss = written([0] * 5, [5, 4, 3, 2, 1], [10, 20, 30, 40, 50])
    validation = written([0] * 3, [3, 2, 1], [10, 30, 50])
    placed, notes = place_by_time({"loss": loss, "val_loss": validation})
    assert placed["loss"].steps.tolist() == [0, 1, 2, 3, 4]
    assert placed["val_loss"].steps.tolist() == [0, 2, 4]
    assert "counted in the order" in notes[0]


def test_what_repeats_another_metric_is_left_out() -> None:
    copy = written([0] * 4, [4, 3, 2, 1], [1001, 2001, 3001, 4001])
    placed, notes = place_by_time({"val_loss": LOSS, "validation_loss": copy})
    assert list(placed) == ["val_loss"]
    assert notes == []


@pytest.mark.parametrize(
    "points",
    [
        written([0] * 4, [4, 3, 2, 1], [10, 10, 10, 10]),
        written([0], [4], [10]),
        written([7, 8, 9], [4, 3, 2], [10, 20, 30]),
    ],
    ids=["one moment", "one point", "steps"],
)
def test_what_has_no_order_or_has_steps_is_left_alone(points: Written) -> None:
    placed, notes = place_by_time({"loss": points})
    assert placed["loss"] is points
    assert notes == []


def test_run_without_steps_is_read_in_order(client, run_id: str, tracking_uri: str) -> None:
    for number in range(6):
        client.log_metric(run_id, "loss", 1 / (1 + number), timestamp=1_000 * (number + 1))
    history = load_run(run_id, tracking_uri)
    assert history.series["loss"].values == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6])
    assert any("counted in the order" in note for note in history.notes)
