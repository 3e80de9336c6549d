"""What holds for every rule, however it decides."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuneguard.rules
from tuneguard.diagnosis import Diagnosis, diagnose
from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory, Series
from tuneguard.rule import Rule
from tuneguard.rules import BUILTIN_RULES

HEADINGS = [
    "What it detects:",
    "Why it matters:",
    "How it decides:",
    "When it is wrong:",
    "References:",
]
KEYS = [
    "train/loss",
    "validation/loss",
    "gradient_norm/global",
    *(f"gradient_norm/layer{index}" for index in range(6)),
    "update_ratio/global",
    "learning_rate",
    "validation/accuracy",
]
COUNT = 120
FALLING = 2.3 * np.exp(-np.arange(COUNT) / 40.0) + 0.1

every_rule = pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)


def with_values(values: np.ndarray[Any, Any], steps: Any = None) -> RunHistory:
    """Build a run in which every series has the same values."""
    steps = range(len(values)) if steps is None else steps
    points = list(zip(steps, values, strict=True))
    return RunHistory.from_series(dict.fromkeys(KEYS, points), {"num_classes": 10}, axis="step")


def with_one(index: int, value: float) -> RunHistory:
    values = FALLING.copy()
    values[index] = value
    return with_values(values)


def thinned() -> RunHistory:
    series = {
        key: Series.from_arrays(key, np.arange(COUNT), FALLING, thinned=True) for key in KEYS
    }
    return RunHistory.from_series(series, axis="step")


UNJUDGEABLE: dict[str, Callable[[], RunHistory]] = {
    "empty": lambda: RunHistory.from_series({}),
    "series of no points": lambda: RunHistory.from_series({key: [] for key in KEYS}),
    "one point": lambda: with_values(np.array([1.0])),
    "two points": lambda: with_values(np.array([2.0, 1.0])),
    "constant": lambda: with_values(np.full(COUNT, 2.3)),
    "constant but for one point": lambda: with_values(np.where(np.arange(COUNT) == 70, 2.4, 2.3)),
    "constant zero": lambda: with_values(np.zeros(COUNT)),
    "all NaN": lambda: with_values(np.full(COUNT, math.nan)),
    "all infinite": lambda: with_values(np.full(COUNT, math.inf)),
}
AWKWARD: dict[str, Callable[[], RunHistory]] = {
    **UNJUDGEABLE,
    "NaN head": lambda: with_values(np.where(np.arange(COUNT) < 50, math.nan, FALLING)),
    "NaN tail": lambda: with_values(np.where(np.arange(COUNT) > 50, math.nan, FALLING)),
    "NaN from the third point on": lambda: with_values(
        np.where(np.arange(COUNT) > 2, math.nan, FALLING)
    ),
    "every second NaN": lambda: with_values(np.where(np.arange(COUNT) % 2, math.nan, FALLING)),
    "one infinity": lambda: with_one(70, math.inf),
    "one negative infinity": lambda: with_one(70, -math.inf),
    "infinity first": lambda: with_one(0, math.inf),
    "infinity last": lambda: with_one(-1, math.inf),
    "rising from the start": lambda: with_values(FALLING[::-1]),
    "huge": lambda: with_values(FALLING * 1e300),
    "leap to huge": lambda: with_one(70, 1e300),
    "leap to the edge": lambda: with_one(70, -1.7e308),
    "tiny": lambda: with_values(FALLING * 1e-300),
    "denormal": lambda: with_values(FALLING * 1e-320),
    "negative": lambda: with_values(FALLING - 50.0),
    "zero and falling": lambda: with_values(FALLING - FALLING[0]),
    "repeated steps": lambda: with_values(FALLING, np.arange(COUNT) // 3),
    "one step only": lambda: with_values(FALLING, np.zeros(COUNT)),
    "decreasing steps": lambda: with_values(FALLING, np.arange(COUNT)[::-1]),
    "negative steps": lambda: with_values(FALLING, np.arange(COUNT) - 60),
    "far apart": lambda: with_values(FALLING, np.arange(COUNT) * 1e12),
    "NaN steps": lambda: with_values(FALLING, np.where(np.arange(COUNT) % 5, 1.0, math.nan)),
    "five points": lambda: with_values(FALLING[:5]),
    "twenty points": lambda: with_values(FALLING[:20]),
    "two levels": lambda: with_values(np.where(np.arange(COUNT) < 60, 2.3, 0.1)),
    "alternating": lambda: with_values(np.where(np.arange(COUNT) % 2, 2.3, 0.1)),
    "validation only": lambda: RunHistory.from_series(
        {"validation/loss": list(enumerate(FALLING))}
    ),
    "training only": lambda: RunHistory.from_series({"train/loss": list(enumerate(FALLING))}),
    "norms only": lambda: RunHistory.from_series(
        {"gradient_norm/global": list(enumerate(FALLING))}
    ),
    "other lengths": lambda: RunHistory.from_series(
        {key: list(enumerate(FALLING[: 3 + 9 * i])) for i, key in enumerate(KEYS)}
    ),
    "thinned": thinned,
}


@every_rule
def test_id_and_name_are_well_formed(rule: type[Rule]) -> None:
    assert re.fullmatch(r"TG[1-5]\d\d", rule.id)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)


@pytest.mark.parametrize("attribute", ["id", "name"])
def test_ids_and_names_are_unique_and_rules_are_in_order(attribute: str) -> None:
    values = [getattr(rule, attribute) for rule in BUILTIN_RULES]
    assert len(set(values)) == len(values)
    assert [rule.id for rule in BUILTIN_RULES] == sorted(rule.id for rule in BUILTIN_RULES)


def test_every_file_is_a_listed_rule_of_that_name() -> None:
    folder = Path(tuneguard.rules.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files == {rule.name.replace("-", "_") for rule in BUILTIN_RULES}
    for rule in BUILTIN_RULES:
        assert rule.__module__ == f"tuneguard.rules.{rule.name.replace('-', '_')}"
        assert rule.__name__.lower() == rule.name.replace("-", "")


@every_rule
def test_the_docstring_has_its_headings_in_order(rule: type[Rule]) -> None:
    lines = [line.strip() for line in (rule.__doc__ or "").splitlines()]
    assert [line for line in lines if line in HEADINGS] == HEADINGS
    assert lines[0].endswith(".")
    for heading in HEADINGS:
        assert lines[lines.index(heading) + 1]


@every_rule
def test_every_threshold_has_a_default_and_is_explained(rule: type[Rule]) -> None:
    thresholds = dataclasses.fields(rule)
    assert thresholds
    for threshold in thresholds:
        assert threshold.default is not dataclasses.MISSING
        assert f"``{threshold.name}``" in (rule.__doc__ or "")


@every_rule
def test_a_rule_is_frozen_and_keeps_no_memory(rule: type[Rule]) -> None:
    instance = rule()
    assert instance == rule()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(instance, dataclasses.fields(rule)[0].name, 1.0)


@every_rule
def test_a_rule_explains_rules_that_exist_and_not_itself(rule: type[Rule]) -> None:
    assert rule.explains <= {other.name for other in BUILTIN_RULES} - {rule.name}


@pytest.mark.parametrize("kind", AWKWARD)
def test_an_awkward_run_raises_nothing(kind: str) -> None:
    history = AWKWARD[kind]()
    for rule in BUILTIN_RULES:
        outcome = rule().check(history)
        assert isinstance(outcome, Finding | Passed | Abstained), rule.name
        assert (outcome.rule, outcome.rule_id) == (rule.name, rule.id)


@functools.cache
def diagnosed(kind: str) -> Diagnosis:
    return diagnose(AWKWARD[kind]())


@pytest.mark.parametrize("kind", AWKWARD)
def test_evidence_of_an_awkward_run_is_never_nan(kind: str) -> None:
    diagnosis = diagnosed(kind)
    assert diagnosis.broken == ()
    for outcome in (*diagnosis.all_findings(), *diagnosis.passed):
        for evidence in outcome.evidence:
            assert not math.isnan(evidence.value), (outcome.rule, evidence)
            assert evidence.steps[0] <= evidence.steps[1], (outcome.rule, evidence)


@pytest.mark.parametrize("kind", AWKWARD)
def test_every_rule_has_one_outcome(kind: str) -> None:
    diagnosis = diagnosed(kind)
    outcomes = (*diagnosis.all_findings(), *diagnosis.passed, *diagnosis.abstained)
    assert sorted(one.rule_id for one in outcomes) == [rule.id for rule in BUILTIN_RULES]


@pytest.mark.parametrize("kind", UNJUDGEABLE)
def test_what_shows_no_learning_is_never_called_healthy(kind: str) -> None:
    assert diagnosed(kind).verdict != "healthy"
