"""`tuneguard scan` on PostgreSQL: killed, interrupted, twice at once, and on a Ray cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from tests.real.harness.command import PATIENCE_SECONDS, SCRIPT, tuneguard
from tests.real.harness.deadly_rule import DeadlyRule
from tuneguard import keys
from tuneguard.fleet.examiner import Assignment
from tuneguard.fleet.processes import Workers
from tuneguard.rules import BUILTIN_RULES

RUNS = 40


class Fleet:
    """Small finished runs in an experiment of their own, straight in the database."""

    def __init__(self, uri: str, name: str, folder: Path) -> None:
        self.uri, self.name, self.folder = uri, name, folder
        self.client = MlflowClient(uri)
        self.experiment_id = self.client.create_experiment(
            name, artifact_location=(folder / "artifacts").as_uri()
        )

    def add(self, *, sick: bool = False) -> str:
        run_id = str(self.client.create_run(self.experiment_id).info.run_id)
        losses = [2.0 * 0.93**step + 0.01 * (-1) ** step for step in range(120)]
        if sick:
            losses[60:] = [1.1**step for step in range(60)]
        now = int(time.time() * 1000)
        rows = [Metric("train_loss", y, now + x, x) for x, y in enumerate(losses)]
        self.client.log_batch(run_id, metrics=rows)
        self.client.set_terminated(run_id)
        return run_id

    def runs(self) -> list[Run]:
        return list(self.client.search_runs([self.experiment_id]))

    def done(self) -> set[str]:
        return {r.info.run_id for r in self.runs() if keys.TAG_FINGERPRINT in r.data.tags}

    def command(self, *options: str) -> list[str]:
        where = ("--experiment", self.name, "--tracking-uri", self.uri, "--format", "json")
        return ["scan", *where, *options]

    def scan(self, *options: str) -> dict[str, dict[str, int]]:
        result = tuneguard(*self.command(*options), folder=self.folder)
        assert result.returncode in {0, 1}, result.stderr
        found: dict[str, dict[str, int]] = json.loads(result.stdout)
        return found


@pytest.fixture
def fleet(postgresql_uri: str, request: pytest.FixtureRequest, tmp_path: Path) -> Fleet:
    return Fleet(postgresql_uri, request.node.name, tmp_path)


def start(fleet: Fleet, *options: str) -> subprocess.Popen[str]:
    """Start a scan in a process group of its own, as a shell does."""
    return subprocess.Popen(
        [str(SCRIPT), *fleet.command(*options)],
        cwd=fleet.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_a_run(fleet: Fleet) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fleet.done():
        assert time.monotonic() < deadline, "no run was diagnosed"
        time.sleep(0.05)


def processes_of(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_for_the_end_of(group: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while processes_of(group):
        assert time.monotonic() < deadline, f"still there: {processes_of(group)}"
        time.sleep(0.1)


def test_ctrl_c_ends_all_processes_and_the_next_scan_goes_on(fleet: Fleet) -> None:
    for _ in range(RUNS):
        fleet.add()
    scan = start(fleet, "--workers", "2")
    wait_for_a_run(fleet)
    os.killpg(scan.pid, signal.SIGINT)
    output, errors = scan.communicate(timeout=PATIENCE_SECONDS)
    assert (scan.returncode, output) == (130, "")
    assert "the same command goes on where this one stopped" in errors
    assert "Traceback" not in errors
    wait_for_the_end_of(scan.pid)
    done = fleet.done()
    assert 0 < len(done) < RUNS
    outcomes = fleet.scan("--workers", "2")["outcomes"]
    assert outcomes == {"diagnosed": RUNS - len(done), "unchanged": len(done), "unreadable": 0}


def test_a_killed_scan_leaves_no_process_behind(fleet: Fleet) -> None:
    for _ in range(RUNS):
        fleet.add()
    scan = start(fleet, "--workers", "2")
    wait_for_a_run(fleet)
    scan.kill()
    scan.communicate(timeout=PATIENCE_SECONDS)
    wait_for_the_end_of(scan.pid)
    outcomes = fleet.scan("--workers", "1")["outcomes"]
    assert outcomes["diagnosed"] + outcomes["unchanged"] == RUNS
    assert outcomes["unchanged"] > 0


def test_two_scans_at_once_share_the_work(fleet: Fleet) -> None:
    sick = {fleet.add(sick=True) for _ in range(5)}
    for _ in range(RUNS - len(sick)):
        fleet.add()
    both = [start(fleet, "--workers", "1") for _ in range(2)]
    results = [json.loads(scan.communicate(timeout=PATIENCE_SECONDS)[0]) for scan in both]
    assert [found["verdicts"] for found in results] == [{"critical": 5, "healthy": RUNS - 5}] * 2
    # each may have a run in hand that the other one has too
    work = sum(found["outcomes"]["diagnosed"] for found in results)
    assert RUNS <= work < 1.5 * RUNS
    assert {run["run_id"] for run in results[0]["runs"][:5]} == sick


def test_a_metric_logged_late_is_noticed(fleet: Fleet) -> None:
    late, *_ = [fleet.add() for _ in range(3)]
    fleet.scan()
    fleet.client.log_metric(late, "val_loss", 1.0)
    assert fleet.scan()["outcomes"] == {"diagnosed": 1, "unchanged": 2, "unreadable": 0}


def test_a_run_that_costs_a_process_its_life_stops_no_other(fleet: Fleet) -> None:
    others = {fleet.add() for _ in range(3)}
    deadly = fleet.add()
    fleet.client.log_param(deadly, "deadly", 1)
    rules = (*(rule() for rule in BUILTIN_RULES), DeadlyRule())
    assignment = replace(Assignment(fleet.uri, rules), write="nothing")
    with Workers(assignment, count=1) as workers:
        results = {one.run_id: one for one in workers.examine_all([deadly, *others])}
    assert {results[run_id].verdict for run_id in others} == {"healthy"}
    assert results[deadly].outcome == "unreadable"
    assert "ended from outside" in results[deadly].reason


@pytest.fixture(scope="module")
def ray_address() -> Iterator[str]:
    """A Ray cluster of this machine alone."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install ray")
    script = str(Path(sys.executable).with_name("ray"))
    options = ["--num-cpus=2", "--include-dashboard=false", "--object-store-memory=100000000"]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    head = [script, "start", "--head", "--port=0", "--disable-usage-stats", *options]
    subprocess.run(head, check=True, capture_output=True, env=environment, timeout=120)
    yield "auto"
    subprocess.run([script, "stop", "--force"], check=True, capture_output=True, timeout=120)


def test_a_ray_cluster_does_the_same(fleet: Fleet, ray_address: str) -> None:
    runs = [fleet.add(sick=number == 0) for number in range(6)]
    found = fleet.scan("--engine", "ray")
    assert found["verdicts"] == {"critical": 1, "healthy": 5}
    assert found["outcomes"]["diagnosed"] == 6
    assert found["runs"][0]["run_id"] == runs[0]
    assert fleet.done() == set(runs)
    assert fleet.scan("--engine", "ray")["outcomes"]["unchanged"] == 6


def test_without_a_cluster_nothing_is_started(fleet: Fleet) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install ray")
    fleet.add()
    nowhere = {"RAY_ADDRESS": "127.0.0.1:1"}
    result = tuneguard(*fleet.command("--engine", "ray"), folder=fleet.folder, environment=nowhere)
    assert result.returncode == 2
    assert "No Ray cluster answers" in result.stderr
    assert "ray start --head" in result.stderr
