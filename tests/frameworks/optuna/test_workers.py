"""Workers in processes of their own, on one study in a database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tests.real.harness.postgresql import postgresql, programs
from tuneguard.optuna import PRUNED

WORKER = Path(__file__).with_name("worker_process.py")
TRIALS = 12
STUDY = "shared"


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'study.db'}"
        return
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg2", reason="no driver for PostgreSQL: pip install psycopg2-binary")
    with postgresql(binaries) as uri:
        yield uri


@pytest.mark.slow
def test_two_workers_prune_what_is_doomed_and_nothing_else(storage: str) -> None:
    study = optuna.create_study(storage=storage, study_name=STUDY)
    command = [sys.executable, str(WORKER), storage, str(TRIALS)]

    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [worker.communicate(timeout=300)[1] for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0], errors
    assert len(study.trials) == 2 * TRIALS
    assert len({trial.user_attrs["process"] for trial in study.trials}) == 2
    for trial in study.trials:
        reason = trial.user_attrs.get(PRUNED, "")
        if trial.params["kind"] == "told" and trial.last_step >= 3:
            assert (trial.state, trial.last_step) == (TrialState.PRUNED, 3)
            assert reason == "divergence (TG402): It ran away."
        elif trial.params["kind"] == "nan" and trial.last_step > 3:
            assert trial.state is TrialState.PRUNED
            assert reason.startswith("non-finite-values")
        else:
            assert reason == ""
        if trial.params["kind"] == "fine":
            assert trial.state is TrialState.COMPLETE
