"""One cause, not five alarms: findings put under the finding that explains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tuneguard.findings import Finding
from tuneguard.history import RunHistory


def under_their_causes(
    findings: Sequence[Finding], explains: Mapping[str, frozenset[str]], history: RunHistory
) -> tuple[Finding, ...]:
    """Put each finding under the one that explains it; order the causes.

    A finding explains another if its rule says so and it began before the other ended. Where two
    explain each other, the one that began first is the cause.

    Args:
        findings: All that was found.
        explains: Rule name to the names of rules that it explains.
        history: The run, to compare steps on different axes.

    Returns:
        The causes, the worst and then the earliest first, each with its symptoms.
    """
    ranked = sorted(findings, key=lambda finding: _rank(finding, history))
    cause_of: dict[str, str] = {}
    for finding in ranked:
        for other in ranked:
            if other.rule in explains.get(finding.rule, frozenset()):
                is_in_time = begin(finding, history) <= end(other, history)
                is_taken = other.rule in cause_of or _leads_to(finding, other, cause_of)
                if is_in_time and not is_taken:
                    cause_of[other.rule] = finding.rule
    causes = [finding for finding in ranked if finding.rule not in cause_of]
    return tuple(_with_symptoms(cause, ranked, cause_of) for cause in causes)


def begin(finding: Finding, history: RunHistory) -> float:
    """Return how far into the run the earliest evidence of `finding` begins, from 0 to 1."""
    return min(_position(one.metric, one.steps[0], history) for one in finding.evidence)


def end(finding: Finding, history: RunHistory) -> float:
    """Return how far into the run the latest evidence of `finding` ends, from 0 to 1."""
    return max(_position(one.metric, one.steps[1], history) for one in finding.evidence)


def _position(metric: str, step: float, history: RunHistory) -> float:
    series = history.series.get(metric)
    if series is None or len(series) == 0:
        return 0.0
    return float(np.interp(step, series.steps, series.positions))


def _rank(finding: Finding, history: RunHistory) -> tuple[float, float, float]:
    return (-float(finding.severity), begin(finding, history), -finding.confidence)


def _leads_to(finding: Finding, other: Finding, cause_of: Mapping[str, str]) -> bool:
    """Whether `other` is already a cause of `finding`, directly or through others."""
    rule: str | None = finding.rule
    while rule is not None:
        if rule == other.rule:
            return True
        rule = cause_of.get(rule)
    return False


def _with_symptoms(
    cause: Finding, ranked: Sequence[Finding], cause_of: Mapping[str, str]
) -> Finding:
    symptoms = tuple(
        _with_symptoms(finding, ranked, cause_of)
        for finding in ranked
        if cause_of.get(finding.rule) == cause.rule
    )
    taken = frozenset(fix.parameter for fix in cause.prescriptions)
    return replace(cause, symptoms=tuple(_without(one, taken) for one in symptoms))


def _without(finding: Finding, taken: frozenset[str]) -> Finding:
    """Drop the prescriptions on parameters that a cause of `finding` prescribes already."""
    return replace(
        finding,
        prescriptions=tuple(one for one in finding.prescriptions if one.parameter not in taken),
        symptoms=tuple(_without(one, taken) for one in finding.symptoms),
    )
