"""Two processes that train together, each with the callback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuneguard import keys, load_run

PROGRAM = Path(__file__).with_name("rank_process.py")
SECONDS = 240


@pytest.mark.slow
def test_two_ranks_record_the_gradient_that_they_share_into_one_run(
    tracking_uri: str, tmp_path: Path
) -> None:
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [sys.executable, *command, str(PROGRAM), str(tmp_path)],
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": tracking_uri},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    first, second = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert first["run_id"] == second["run_id"]
    history = load_run(first["run_id"])
    norms = history.series[keys.GRADIENT_NORM_GLOBAL]
    assert norms.steps.tolist() == [float(step) for step in range(6)]
    assert norms.values.tolist() == pytest.approx(first["norms"], rel=1e-4)
    losses = history.series[keys.TRAIN_LOSS].values.tolist()
    assert losses == pytest.approx(first["losses"], rel=1e-4)
    assert history.hyperparameters.planned_steps == 6.0
