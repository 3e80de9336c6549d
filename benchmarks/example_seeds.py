"""Run every example with many seeds, and count what the diagnosis said.

    python -m benchmarks.example_seeds --seeds 10

Everything goes the whole way: trained, recorded into MLflow, read back and diagnosed. Writes
docs/explanation/example-rates.md, and the figures for the pages of the rules.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from benchmarks import measured_rates
from tuneguard import Diagnosis, Severity, diagnose, load_run
from tuneguard.rules import BUILTIN_RULES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "example-rates.md"
MEASURED_ON = (
    "Measured by `make example-rates` on the examples, on which the thresholds were also set."
)
FAULTS = {
    "02_overfitting": "overfitting",
    "03_underfitting": "underfitting",
    "04_exploding_gradients": "exploding-gradients",
    "05_vanishing_gradients": "vanishing-gradients",
    "06_learning_rate_oscillation": "learning-rate-oscillation",
}


@dataclass(frozen=True)
class Program:
    """One way to train, to be repeated with many seeds."""

    name: str
    expected: str
    train: Callable[[int], str]


@dataclass(frozen=True)
class Outcome:
    """What was said of one run: the verdict, and the alarms with causes first."""

    program: Program
    verdict: str
    alarms: tuple[str, ...]

    @property
    def said_first(self) -> str:
        """The first alarm, or the verdict where there is none."""
        return self.alarms[0] if self.alarms else self.verdict


def programs() -> Iterator[Program]:
    """Yield the faulty examples and the four healthy ones."""
    for name, fault in FAULTS.items():
        train = load(name).train
        yield Program(name, fault, lambda seed, train=train: train(seed)[0])  # type: ignore[misc]
    healthy = load("01_healthy_run")
    for kind in healthy.KINDS:
        yield Program(
            f"01_healthy_run, {kind}",
            "healthy",
            lambda seed, kind=kind: healthy.train(kind, seed),  # type: ignore[misc]
        )


def load(name: str) -> ModuleType:
    """Import an example, whose file name is no module name."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / f"examples/{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def alarms_of(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Return the rules that raised an alarm, symptoms included; advice is none."""
    found = diagnosis.all_findings()
    return tuple(one.rule for one in found if one.severity >= Severity.WARNING)


def measure(seeds: int) -> list[Outcome]:
    """Train every program with every seed, and diagnose it from what MLflow holds."""
    outcomes: list[Outcome] = []
    for program in programs():
        for seed in range(seeds):
            diagnosis = diagnose(load_run(program.train(seed)))
            outcomes.append(Outcome(program, diagnosis.verdict, alarms_of(diagnosis)))
        said = Counter(one.said_first for one in outcomes[-seeds:])
        print(f"{program.name}: {dict(said)}", flush=True)
    return outcomes


def page(outcomes: list[Outcome], seeds: int) -> str:
    """Write the figures as a page of the documentation."""
    rows = []
    for start in range(0, len(outcomes), seeds):
        part = outcomes[start : start + seeds]
        program, said = part[0].program, Counter(one.said_first for one in part)
        everything = ", ".join(f"{what} {count}" for what, count in said.most_common())
        right = f"{said[program.expected]}/{seeds}"
        rows.append(f"| `{program.name}` | {program.expected} | {right} | {everything} |")
    healthy = [one for one in outcomes if one.program.expected == "healthy"]
    quiet = sum(not one.alarms for one in healthy)
    return f"""# What the diagnoses of the examples say

Each example was trained with {seeds} seeds, recorded, read back and diagnosed by
`make example-rates`. The thresholds were set while looking at programs like these: the figures
say that the examples work, not how often the rules err on other people's runs.

| example | expected | said first | all that was said first |
| --- | --- | --- | --- |
{chr(10).join(rows)}

Of {len(healthy)} healthy runs {quiet} raised no alarm, and
{sum(one.verdict == "healthy" for one in healthy)} were called `healthy`.
"""


def measured(outcomes: list[Outcome]) -> dict[str, list[dict[str, object]]]:
    """Return the figures for the page of each rule: false alarms, and what it caught."""
    healthy = [one for one in outcomes if one.program.expected == "healthy"]
    rules: dict[str, list[dict[str, object]]] = {}
    for rule in BUILTIN_RULES:
        faulty = [one for one in outcomes if one.program.expected == rule.name]
        rules[rule.name] = [
            {"on": on, "flagged": sum(rule.name in one.alarms for one in part), "of": len(part)}
            for on, part in (("healthy examples", healthy), ("its faulty example", faulty))
            if part
        ]
    return rules


@contextmanager
def scratch_store() -> Iterator[None]:
    """Have runs recorded into a folder of their own, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "1"
        os.environ["TUNEGUARD_SPOOL"] = f"{folder}/spool"
        os.chdir(folder)
        yield


def main() -> None:
    """Measure, and write the figures where the documentation shows them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args().seeds
    with scratch_store():
        outcomes = measure(seeds)
    PAGE.write_text(page(outcomes, seeds), encoding="utf-8")
    measured_rates.keep("example-rates", MEASURED_ON, measured(outcomes))
    print(f"Written: {PAGE.relative_to(ROOT)} and {measured_rates.PATH.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
