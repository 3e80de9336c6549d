"""A runner of commands, and histories in files."""

import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tuneguard.cli import main

Invoke = Callable[..., Result]

# Click before 8.2 mixes standard output and standard error unless it is told
SEPARATE_STREAMS: dict[str, Any] = (
    {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
)


@pytest.fixture(autouse=True)
def quiet_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own, told of no store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner(**SEPARATE_STREAMS)


@pytest.fixture
def invoke(runner: CliRunner) -> Invoke:
    def run(*arguments: object, **options: object) -> Result:
        return runner.invoke(main, [str(one) for one in arguments], **options)

    return run


def _write(path: Path, train: list[float], validation: list[float]) -> Path:
    series = {
        "train_loss": [[epoch, loss] for epoch, loss in enumerate(train)],
        "val_loss": [[epoch, loss] for epoch, loss in enumerate(validation)],
    }
    path.write_text(json.dumps(series))
    return path


@pytest.fixture
def healthy_file(tmp_path: Path) -> Path:
    wobble = [0.01 * math.sin(7.0 * epoch) for epoch in range(60)]
    falling = [0.3 + 2.0 * math.exp(-epoch / 12.0) + wobble[epoch] for epoch in range(60)]
    return _write(tmp_path / "healthy.json", falling, [loss + 0.05 for loss in falling])


@pytest.fixture
def sick_file(tmp_path: Path) -> Path:
    wobble = [0.01 * math.sin(7.0 * epoch) for epoch in range(60)]
    train = [0.02 + 2.0 * math.exp(-epoch / 12.0) + wobble[epoch] for epoch in range(60)]
    validation = [
        0.6 + 1.6 * math.exp(-epoch / 5.0) + 0.03 * max(0, epoch - 15) + wobble[epoch]
        for epoch in range(60)
    ]
    return _write(tmp_path / "sick.json", train, validation)


@pytest.fixture
def short_file(tmp_path: Path) -> Path:
    return _write(tmp_path / "short.json", [1.0, 0.9], [1.0, 0.95])
