"""Every example runs as it stands, names its fault first, and is better for the first fix."""

from __future__ import annotations

import math
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FAULTS = {
    "02_overfitting": "TG101",
    "03_underfitting": "TG102",
    "04_exploding_gradients": "TG201",
    "05_vanishing_gradients": "TG202",
    "06_learning_rate_oscillation": "TG301",
}


Run = Callable[..., str]


@pytest.fixture
def run(
    tracking_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run an example as the program, and return what it printed.

    It runs in the process of the tests: importing torch and MLflow takes longer than a training.
    """
    threads = torch.get_num_threads()

    def printed(name: str, *arguments: str) -> str:
        path = str(EXAMPLES / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [path, *arguments])
        runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out

    yield printed
    torch.set_num_threads(threads)


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "01_healthy_run",
        "07_alert_on_findings",
        "08_treat",
        *FAULTS,
    }


def test_a_healthy_run_is_called_healthy(tracking_uri: str, tmp_path: Path) -> None:
    """Start this one as a person would: in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "01_healthy_run.py"), "--kind", "dropout"],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": tracking_uri},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HEALTHY")


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_named_first_and_the_first_fix_helps(name: str, run: Run) -> None:
    printed = run(name)
    first = re.search(r"^1\. .*\((TG\d+)\)", printed, re.MULTILINE)
    assert first is not None
    assert first[1] == FAULTS[name]
    outcome = re.search(r"Validation (\w+) (\S+) before, (\S+) after", printed)
    assert outcome is not None
    before, after = float(outcome[2]), float(outcome[3])
    if outcome[1] == "loss":
        assert math.isnan(before) or after < before
    else:
        assert after > before


def test_an_alert_is_given_while_the_run_goes_on(run: Run) -> None:
    alerted, stopped = run("07_alert_on_findings").splitlines()[-2:]
    assert re.match(r"ALERT (warning|critical): ", alerted)
    steps = re.fullmatch(r"Stopped after (\d+) of (\d+) steps\.", stopped)
    assert steps is not None
    assert int(steps[1]) < 0.5 * int(steps[2])


def test_what_is_prescribed_is_tried_and_helps(run: Run) -> None:
    printed = run("08_treat").splitlines()
    assert printed[0].startswith("0 baseline")
    change = re.match(r"1 kept \{'lr': \(2\.0, (\S+)\)\} Better: ", printed[1])
    assert change is not None
    assert float(change[1]) < 0.1
    assert printed[-1].startswith("healthy")
