"""Who examines runs, and when they stop."""

from __future__ import annotations

import pytest

from tuneguard.exceptions import StoreUnreachableError
from tuneguard.fleet import engines
from tuneguard.fleet.engines import examine_all, usual_workers

NOT_THERE = [f"{number:032x}" for number in range(12)]


def test_runs_that_are_not_there_do_not_stop_a_scan(assignment) -> None:
    results = list(examine_all(assignment, NOT_THERE, "processes", 1))
    assert [one.run_id for one in results] == NOT_THERE
    assert {one.outcome for one in results} == {"unreadable"}


def test_a_store_that_stops_to_answer_does(assignment, monkeypatch) -> None:
    def refuse(_: str) -> None:
        raise StoreUnreachableError("Nothing answers.")

    monkeypatch.setattr(engines, "connect", refuse)
    results = examine_all(assignment, NOT_THERE, "processes", 1)
    done = [next(results).run_id for _ in range(5)]
    assert done == NOT_THERE[:5]
    with pytest.raises(StoreUnreachableError, match="Nothing answers"):
        next(results)


def test_nobody_is_started_for_nothing(assignment) -> None:
    assert list(examine_all(assignment, [], "ray", 4)) == []


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (3, 3), (64, 4)])
def test_usual_workers(monkeypatch, cores, expected) -> None:
    monkeypatch.setattr(
        engines.os, "sched_getaffinity", lambda _: set(range(cores)), raising=False
    )
    assert usual_workers() == expected
