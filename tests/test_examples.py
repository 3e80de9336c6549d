"""Every example runs as it stands, names its fault first, and is better for the first fix."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FAULTS = {
    "02_overfitting": "TG101",
    "03_underfitting": "TG102",
    "04_exploding_gradients": "TG201",
    "05_vanishing_gradients": "TG202",
    "06_learning_rate_oscillation": "TG301",
}


def run(name: str, folder: Path, *arguments: str) -> str:
    """Run an example in an empty folder, as a person would, and return what it printed."""
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TUNEGUARD_SPOOL": str(folder / "spool"),
    }
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "01_healthy_run",
        "07_alert_on_findings",
        "08_treat",
        *FAULTS,
    }


@pytest.mark.parametrize("kind", ["dropout"])
def test_a_healthy_run_is_called_healthy(kind: str, tmp_path: Path) -> None:
    assert run("01_healthy_run", tmp_path, "--kind", kind).startswith("HEALTHY")


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_named_first_and_the_first_fix_helps(name: str, tmp_path: Path) -> None:
    printed = run(name, tmp_path)
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


def test_an_alert_is_given_while_the_run_goes_on(tmp_path: Path) -> None:
    alerted, stopped = run("07_alert_on_findings", tmp_path).splitlines()[-2:]
    assert re.match(r"ALERT (warning|critical): ", alerted)
    steps = re.fullmatch(r"Stopped after (\d+) of (\d+) steps\.", stopped)
    assert steps is not None
    assert int(steps[1]) < 0.5 * int(steps[2])


def test_what_is_prescribed_is_tried_and_helps(tmp_path: Path) -> None:
    printed = run("08_treat", tmp_path).splitlines()
    assert printed[0].startswith("0 baseline")
    assert printed[1].startswith("1 kept {'lr': (2.0, 0.02)}")
    assert printed[-1].startswith("healthy")
