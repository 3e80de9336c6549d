"""Which prescription of a diagnosis to try when: each a bet unlike those before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Change, Finding, Prescription, Severity

_ALIKE: Final = 2.0


def in_turn(diagnosis: Diagnosis) -> Iterator[tuple[Finding, Prescription]]:
    """Yield what is prescribed, with its finding, in the order to try it in.

    The first of the first cause comes first. From then on what a finding has left and what the
    next finding has take turns: a first repair that failed says that its finding, or its place as
    the cause, may be wrong. Advice comes after alarms, and what nearly repeats an earlier change
    is left out.

    Args:
        diagnosis: What was found.
    """
    alarms: list[Finding] = []
    advice: list[Finding] = []
    for finding in diagnosis.all_findings():
        (alarms if finding.severity > Severity.INFO else advice).append(finding)
    seen: list[tuple[Change, ...]] = []
    for group in (alarms, advice):
        for finding, one in _diagonally(group):
            if one.changes and any(_are_alike(one.changes, other) for other in seen):
                continue
            seen.append(one.changes)
            yield finding, one


def _diagonally(findings: list[Finding]) -> Iterator[tuple[Finding, Prescription]]:
    """Yield by the sum of two ranks: that of the finding, and that of what it prescribes."""
    places = [
        (rank + place, rank, finding, one)
        for rank, finding in enumerate(findings)
        for place, one in enumerate(fix for fix in finding.prescriptions if fix.changes)
    ]
    for _, _, finding, one in sorted(places, key=lambda entry: entry[:2]):
        yield finding, one


def _are_alike(changes: tuple[Change, ...], others: tuple[Change, ...]) -> bool:
    """Whether they set the same settings to the same values, numbers to within a factor of 2."""
    if len(changes) != len(others):
        return False
    return all(_is_near(one, other) for one, other in zip(changes, others, strict=True))


def _is_near(one: Change, other: Change) -> bool:
    if (one.parameter, one.operation) != (other.parameter, other.operation):
        return False
    if isinstance(one.value, float) and isinstance(other.value, float):
        low, high = sorted((one.value, other.value))
        return low == high or 0.0 < high < _ALIKE * low
    return one.value == other.value
