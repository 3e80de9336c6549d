from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "training_process.py"
SECONDS = 120

Start = Callable[..., list[subprocess.CompletedProcess[str]]]


@pytest.fixture
def environment(tracking_uri: str) -> dict[str, str]:
    """What every rank's environment is made from: one thread each, and the test's own store."""
    known = {
        "OMP_NUM_THREADS": "1",
        "MLFLOW_TRACKING_URI": tracking_uri,
        "TORCH_CPP_LOG_LEVEL": "ERROR",
    }
    return os.environ | known


@pytest.fixture
def run_ranks(environment: dict[str, str], tmp_path: Path) -> Start:
    """Start two ranks as `torch.distributed` wants it, and wait for their ends."""

    def run(*arguments: str) -> list[subprocess.CompletedProcess[str]]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        processes = [
            subprocess.Popen(
                [sys.executable, str(PROGRAM), *arguments],
                env=environment | place | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=tmp_path,
            )
            for rank in range(2)
        ]
        ended: list[subprocess.CompletedProcess[str]] = []
        try:
            for process in processes:
                output, _ = process.communicate(timeout=SECONDS)
                ended.append(subprocess.CompletedProcess([], process.returncode, output))
        finally:
            for process in processes:
                process.kill()
        return ended

    return run


@pytest.fixture
def torchrun(environment: dict[str, str], tmp_path: Path) -> Callable[..., None]:
    """Start two ranks on this machine with `torchrun`."""

    def run(*arguments: str) -> None:
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        ended = subprocess.run(
            [sys.executable, *command, str(PROGRAM), *arguments],
            check=False,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            cwd=tmp_path,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr

    return run
