"""Trains and diagnoses the programs of one framework, in a process of its own.

    python -m benchmarks.frameworks.worker lightning_autolog --seeds 1

Prints one outcome a line as JSON; what frameworks print goes to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Collection, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from benchmarks.frameworks.outcomes import Outcome
from benchmarks.frameworks.programs import PROGRAMS, Program
from tuneguard import RunHistory, Severity, diagnose, load_run
from tuneguard.files.history_file import read_history_file


def main() -> None:
    """Train what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("framework")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plant")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    framework = importlib.import_module(f"benchmarks.frameworks.{asked.framework}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TUNEGUARD_SPOOL"] = f"{folder}/spool"
        os.chdir(folder)
        plants = getattr(framework, "PLANTS", {one.plant for one in PROGRAMS})
        # without a line there is nothing to attach
        ways = (True, False) if framework.LINE else (False,)
        for program in _programs(asked.seeds, plants & {asked.plant} if asked.plant else plants):
            for is_attached in ways:
                with redirect_stdout(sys.stderr):
                    outcome = _outcome(
                        framework, program, f"sqlite:///{folder}/mlflow.db", is_attached
                    )
                print(json.dumps(asdict(outcome)), flush=True)


def _programs(seeds: int, plants: Collection[str]) -> Iterator[Program]:
    for seed in range(seeds):
        for program in PROGRAMS:
            if program.plant in plants:
                yield program.with_seed(seed)


def _outcome(framework: ModuleType, program: Program, store: str, is_attached: bool) -> Outcome:
    torch.manual_seed(program.seed)
    np.random.seed(program.seed)
    random.seed(program.seed)
    started = time.monotonic()
    found = framework.train(program, store, is_attached)
    seconds = time.monotonic() - started
    diagnosis = diagnose(_history(found, store))
    alarms = [one.rule for one in diagnosis.all_findings() if one.severity > Severity.INFO]
    return Outcome(
        framework=framework.__name__.rpartition(".")[2],
        title=framework.NAME,
        own_logging=framework.OWN_LOGGING,
        line=framework.LINE,
        plant=program.plant,
        seed=program.seed,
        is_attached=is_attached,
        verdict=diagnosis.verdict,
        alarms=tuple(alarms),
        is_named=bool(program.names & set(alarms)),
        seconds=round(seconds, 1),
    )


def _history(found: str | Path, store: str) -> RunHistory:
    return read_history_file(found) if isinstance(found, Path) else load_run(found, store)


if __name__ == "__main__":
    main()
