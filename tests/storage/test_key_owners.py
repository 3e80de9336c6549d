from __future__ import annotations

import pytest

from tuneguard import keys
from tuneguard.spool.charts import ChartPoint
from tuneguard.storage.key_owners import KeyOwners

KEY = keys.TRAIN_LOSS


def point(step: int, value: float) -> ChartPoint:
    return ChartPoint(KEY, step, 1000 + step, value)


def owners_after_writing() -> KeyOwners:
    owners = KeyOwners()
    owners.look({})
    owners.writing([point(50, 0.5)])
    owners.wrote([point(50, 0.5)])
    return owners


def test_a_value_of_somebody_else_takes_the_key() -> None:
    owners = owners_after_writing()
    assert owners.strangers({KEY: 0.5}) == set()
    assert owners.strangers({KEY: 9.0}) == {KEY}
    owners.look({KEY: 9.0})
    assert owners.place(point(51, 0.4)).key == f"{keys.PREFIX}{KEY}"
    assert owners.strangers({KEY: 8.0}) == set()


def test_a_value_of_a_recorder_that_is_over_does_not(caplog: pytest.LogCaptureFixture) -> None:
    owners = owners_after_writing()
    owners.inherit({KEY}, {KEY: 9.0})
    owners.look({KEY: 9.0})
    assert owners.place(point(51, 0.4)).key == KEY
    assert not caplog.text


def test_first_steps_of_a_recorder_that_is_over_do_not() -> None:
    owners = owners_after_writing()
    others = [point(3, 7.0)]
    assert owners.is_shared(KEY, others)
    owners.inherit({KEY}, {})
    assert not owners.is_shared(KEY, others)
    owners.look_at_first_steps(KEY, others)
    assert owners.place(point(51, 0.4)).key == KEY


def test_points_that_come_late_do_not_hide_the_latest() -> None:
    owners = owners_after_writing()
    late = [point(30, 0.7), point(31, 0.6)]
    owners.writing(late)
    owners.wrote(late)
    assert owners.strangers({KEY: 0.5}) == set()
    assert owners.strangers({KEY: 0.6}) == {KEY}


def test_a_key_that_somebody_is_known_to_log_is_left_before_there_are_points() -> None:
    owners = KeyOwners()
    owners.look({})
    owners.leave({KEY, "accuracy"})
    assert owners.place(point(50, 0.5)).key == f"{keys.PREFIX}{KEY}"
    assert owners.place(point(50, 0.5)._replace(key=f"{KEY}/max")).key == (
        f"{keys.PREFIX}{KEY}/max"
    )
