"""Runs examined in another process."""

from __future__ import annotations

from tuneguard.fleet.processes import Workers


def test_runs_are_examined_in_another_process(make_run, assignment) -> None:
    sick, healthy = make_run("sick", sick=True), make_run("healthy")
    with Workers(assignment, count=1) as workers:
        results = {one.run_id: one for one in workers.examine_all([sick, healthy, "0" * 32])}
    assert (results[sick].verdict, results[healthy].verdict) == ("critical", "healthy")
    assert "no run" in results["0" * 32].reason
