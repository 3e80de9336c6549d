"""Run every example with many seeds, and count what the diagnosis named first.

    python benchmarks/example_seeds.py --seeds 10

Everything goes the whole way: trained, recorded into MLflow, read back and diagnosed. Writes
docs/explanation/example-rates.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType

from tuneguard import diagnose, load_run

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "example-rates.md"
FAULTS = {
    "02_overfitting": "overfitting",
    "03_underfitting": "underfitting",
    "04_exploding_gradients": "exploding-gradients",
    "05_vanishing_gradients": "vanishing-gradients",
    "06_learning_rate_oscillation": "learning-rate-oscillation",
}


def load(name: str) -> ModuleType:
    """Import an example, whose file name is no module name."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / f"examples/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def first_named(run_id: str) -> str:
    """Return the first finding of a run, or its verdict where there is none."""
    diagnosis = diagnose(load_run(run_id))
    return diagnosis.findings[0].rule if diagnosis.findings else diagnosis.verdict


def measure(seeds: int) -> dict[str, Counter[str]]:
    """Train every example with every seed, and count what was named first."""
    counts: dict[str, Counter[str]] = {}
    for name in FAULTS:
        train = load(name).train
        counts[name] = Counter(first_named(train(seed)[0]) for seed in range(seeds))
        print(f"{name}: {dict(counts[name])}", flush=True)
    healthy = load("01_healthy_run")
    for kind in healthy.KINDS:
        name = f"01_healthy_run, {kind}"
        counts[name] = Counter(first_named(healthy.train(kind, seed)) for seed in range(seeds))
        print(f"{name}: {dict(counts[name])}", flush=True)
    return counts


def page(counts: dict[str, Counter[str]], seeds: int) -> str:
    """Write the figures as a page of the documentation."""
    rows = [
        f"| `{name}` | {FAULTS.get(name.split(',')[0], 'healthy')} | "
        f"{found[FAULTS.get(name.split(',')[0], 'healthy')]}/{seeds} | "
        + (", ".join(f"{what} {n}" for what, n in found.most_common()) + " |")
        for name, found in counts.items()
    ]
    return "\n".join(
        [
            "# What the examples' diagnoses name first",
            "",
            f"Each example was trained with {seeds} seeds, recorded, read back and diagnosed by",
            "`make example-rates`. The thresholds were set while looking at programs like these,",
            "so the figures say that the examples work, not how often rules err elsewhere.",
            "",
            "| example | expected | named first | all |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    seeds = parser.parse_args().seeds
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "1"
        os.environ["TUNEGUARD_SPOOL"] = f"{folder}/spool"
        os.chdir(folder)
        counts = measure(seeds)
    PAGE.write_text(page(counts, seeds), encoding="utf-8")
    print(f"Written to {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
