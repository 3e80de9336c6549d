"""Two ranks that Lightning starts record into one run, with the averaged gradient."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.frameworks.lightning.modules import BATCH, SAMPLES
from tuneguard import keys, load_run

HERE = Path(__file__).parent


@pytest.mark.slow
def test_two_ranks_make_one_run(tracking_uri: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, HERE / "rank_process.py", tracking_uri],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )

    assert not done.returncode, done.stderr
    run_id, norms = done.stdout.strip().rpartition("\n")[2].split(maxsplit=1)
    history = load_run(run_id, tracking_uri)
    recorded = history.series[keys.GRADIENT_NORM_GLOBAL]
    expected = json.loads(norms)
    assert len(expected) == 2 * SAMPLES // BATCH // 2 // 2
    assert list(recorded.values) == pytest.approx(expected, rel=1e-5)
    assert len(history.series[keys.VALIDATION_LOSS]) == 2
    assert MlflowClient(tracking_uri).get_run(run_id).data.params["tuneguard/world_size"] == "2"
