"""Train every framework's programs, keep what was said of them, and write the page."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.frameworks.outcomes import Outcome, keep
from benchmarks.frameworks.page import write_page

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=FRAMEWORKS, action="append")
    parser.add_argument("--plant", help="one fault, or healthy")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="only print what was said")
    asked = parser.parse_args()
    outcomes = []
    for framework in asked.only or FRAMEWORKS:
        for outcome in _trained(framework, asked.seeds, asked.plant):
            print(_line(outcome), flush=True)
            outcomes.append(outcome)
        if not asked.dry:
            write_page(keep(outcomes))


def _trained(framework: str, seeds: int, plant: str | None) -> Iterator[Outcome]:
    command = [sys.executable, "-m", "benchmarks.frameworks.worker", framework]
    command += ["--seeds", str(seeds), *(["--plant", plant] if plant else [])]
    environment = {
        **os.environ,
        "KERAS_BACKEND": "torch",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
    with tempfile.TemporaryFile("w+") as said:
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=said, text=True
        ) as worker:
            for line in worker.stdout or ():
                row = json.loads(line)
                yield Outcome(**{**row, "alarms": tuple(row["alarms"])})
        said.seek(0)
        if worker.returncode:
            raise RuntimeError(f"{framework} failed:\n{said.read()[-4000:]}")


def _line(one: Outcome) -> str:
    way = "attached" if one.is_attached else "own logging"
    said = ", ".join(one.alarms) or one.verdict
    named = "" if one.plant == "healthy" else "named: " if one.is_named else "NOT named: "
    return (
        f"{one.framework}, {one.plant}, seed {one.seed}, {way} ({one.seconds:g} s): {named}{said}"
    )


if __name__ == "__main__":
    main()
