"""`tuneguard treat` from a module of one's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

MODULE = """
import mlflow
from mlflow.entities import Metric


def train(params):
    run = mlflow.active_run()
    end = 0.1 if params["model"]["lr"] < 1 else 5.0
    points = [Metric("train_loss", end + 2 * 0.8**step, 0, step) for step in range(60)]
    mlflow.MlflowClient().log_batch(run.info.run_id, metrics=points)


not_a_function = 3
"""


@pytest.fixture
def module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracking_uri: str, undrawn: None
) -> str:
    name = f"loop_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return name


def test_params_come_from_a_file_and_from_options(
    module: str, invoke: Invoke, tmp_path: Path, tracking_uri: str
) -> None:
    (tmp_path / "given.json").write_text('{"model": {"lr": 3}, "note": "a"}')
    given = ("--params", "given.json", "--param", 'model={"lr": 0.5}', "--param", "word=fast")
    done = invoke("treat", f"{module}:train", *given, "--format", "json")
    assert done.exit_code in {0, 1}, done.stderr
    document = json.loads(done.stdout)
    assert document["params"] == {"model": {"lr": 0.5}, "note": "a", "word": "fast"}
    assert "0. Baseline" in done.stderr


def test_text_says_what_could_be_treated(module: str, invoke: Invoke, tracking_uri: str) -> None:
    done = invoke("treat", f"{module}:train", "--param", 'model={"lr": 0.5}', "--param", "wd=0")
    assert "Settings that the parameters can express: weight_decay." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{module}", "--param", "lr=1"), "is not MODULE:FUNCTION"),
        (("nowhere_to_be:found", "--param", "lr=1"), "cannot be imported"),
        (("{module}:missing", "--param", "lr=1"), "has no function 'missing'"),
        (("{module}:not_a_function", "--param", "lr=1"), "has no function"),
        (("{module}:train",), "Give the parameters to start from"),
        (("{module}:train", "--param", "lr"), "has no NAME=VALUE"),
        (("{module}:train", "--params", "bad.json"), "is not JSON"),
        (("{module}:train", "--params", "list.json"), "holds no mapping"),
        (("{module}:train", "--param", "lr=1", "--name", "speed=lr"), "no setting 'speed'"),
    ],
)
def test_a_mistake_is_said(
    module: str, invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    done = invoke("treat", *(one.format(module=module) for one in arguments))
    assert done.exit_code == 2
    assert says in done.stderr
