"""Rows whose rates are known."""

import pytest

pytest.importorskip("tomllib", reason="the benchmark runs on Python 3.11 or later")

from benchmarks.error_rates.outcomes import Standing
from benchmarks.error_rates.plan import BASE, RunSpec
from benchmarks.error_rates.rows import Brief, Row

FAULT = "learning_rate_too_high"
RIGHT, CONSEQUENCE, WRONG = "learning-rate-too-high", "no-learning", "overfitting"


def row(
    standing: Standing, *alarms: str, program: str = "cnn", seed: int = 0, **changes: object
) -> Row:
    is_faulty = standing in {Standing.MANIFEST, Standing.UNMANIFEST}
    fault, strength = (FAULT, 2) if is_faulty else (None, 0)
    verdict = "warning" if alarms else "healthy"
    brief = Brief(verdict, alarms)
    said = {"recorded": brief, "metrics": brief, "epochs": brief}
    return Row(RunSpec(program, fault, strength, BASE, seed), 50.0, standing, said, **changes)
