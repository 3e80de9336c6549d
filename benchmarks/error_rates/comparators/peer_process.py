"""Run by the interpreter of the other tools: what each of them says of tables of a run.

Reads the paths of CSV files from standard input, one a line, and writes for each a line of JSON:
from the name of a tool to its findings of severity warning or above, in the tool's own order. It
imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable

import gradsnitch
import losslint.checks
import losslint.parsing
import runmedic.checks
import runmedic.loaders
import runmedic.roles
import trainspotter.detectors
import trainspotter.readers


def by_gradsnitch(path: str) -> list[str]:
    """Its rules' ids."""
    return [finding.code for finding in gradsnitch.lint_csv(path)]


def by_runmedic(path: str) -> list[str]:
    """Its checks' names."""
    return [
        finding.check
        for run in runmedic.loaders.load(path)
        for finding in runmedic.checks.run_checks(run, runmedic.roles.detect(run))
        if finding.severity != "info"
    ]


def by_trainspotter(path: str) -> list[str]:
    """Its detectors' names, with what was found where one finds several things."""
    findings = trainspotter.detectors.run_all(trainspotter.readers.load_run(path))
    return [finding.title for finding in findings if finding.severity != "info"]


def by_losslint(path: str) -> list[str]:
    """Its checks' names."""
    run = losslint.parsing.load_run(losslint.parsing.Path(path))
    findings = losslint.checks.run_all_checks(run)
    return [finding.check for finding in findings if finding.severity != "info"]


TOOLS: dict[str, Callable[[str], list[str]]] = {
    "gradsnitch": by_gradsnitch,
    "runmedic": by_runmedic,
    "trainspotter": by_trainspotter,
    "losslint": by_losslint,
}


def asked(name: str, path: str) -> list[str]:
    """Ask a tool about one table; one that raises finds nothing, as its user would see."""
    try:
        return list(dict.fromkeys(TOOLS[name](path)))
    except Exception as error:  # noqa: BLE001 - whatever another tool raises
        print(f"{name} on {path}: {error!r}", file=sys.stderr)
        return []


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        print(json.dumps({name: asked(name, line.strip()) for name in TOOLS}), flush=True)
