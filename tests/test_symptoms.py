"""The names of symptoms are those of rules, and each cause holds what follows from it."""

from __future__ import annotations

import pytest

from tuneguard.rules import BUILTIN_RULES
from tuneguard.symptoms import MISJUDGED_VALIDATION, STANDSTILL, UPHEAVAL

EXPLAINS = {rule.name: rule.explains for rule in BUILTIN_RULES}


@pytest.mark.parametrize("names", [STANDSTILL, UPHEAVAL, MISJUDGED_VALIDATION])
def test_every_symptom_is_a_rule(names: frozenset[str]) -> None:
    assert names <= set(EXPLAINS)


@pytest.mark.parametrize(
    ("cause", "symptom"),
    [
        ("missing-zero-grad", "divergence"),
        ("input-scale", "bad-initial-loss"),
        ("learning-rate-too-high", "dead-units"),
        ("dead-units", "no-learning"),
        ("vanishing-gradients", "no-learning"),
        ("frozen-parameters", "no-learning"),
        ("non-finite-values", "divergence"),
        ("loss-scale-collapse", "non-finite-values"),
        ("output-loss-mismatch", "underfitting"),
    ],
)
def test_what_is_known_to_follow_hangs_under_its_cause(cause: str, symptom: str) -> None:
    assert symptom in EXPLAINS[cause]
    assert cause not in EXPLAINS[symptom]
