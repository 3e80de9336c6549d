"""The prescriptions of a diagnosis in the order that past runs speak for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tuneguard.diagnosis import Diagnosis
from tuneguard.evidence.trials import PastEvidence, RemedyRecord
from tuneguard.findings import Finding, Prescription
from tuneguard.treatment.remedies import remedy_of

PRIOR_RUNS: Final = 4.0
"""Runs that each prescription is given in advance: the weight of two successes and two failures
which makes intervals of few counts hold what they promise (Agresti & Coull 1998)."""
FIRST_SHARE: Final = 0.75
"""Of these runs, the share in which the prescription that a rule puts first helped."""
OTHER_SHARE: Final = 0.5
"""The share in which any other helped. Between the two lies what the order of a rule is worth:
one run, so that a single run cannot overrule it and several can."""

_Z95: Final = 1.959963984540054


def ranked(diagnosis: Diagnosis, evidence: PastEvidence) -> Diagnosis:
    """Put the prescriptions of each finding in the order of their success in past runs.

    Each is ranked by the lower end of the 95 % interval of its share of successes (Wilson 1927),
    where the counts of past runs are added to `PRIOR_RUNS` runs in advance. Ties keep the order
    of the rule, and so do findings for which nothing was tried.

    Args:
        diagnosis: What was found; it stays as it is.
        evidence: What past runs say.

    Returns:
        The same diagnosis; prescriptions that were tried say how often they helped.
    """
    return replace(
        diagnosis, findings=tuple(_reordered(one, evidence) for one in diagnosis.findings)
    )


def lower_bound(helped: int, tried: int, prior_share: float) -> float:
    """Return how often a prescription helps at least, given counts and what was known before.

    Args:
        helped: How often it helped.
        tried: How often it was tried; at least `helped`.
        prior_share: Share of the `PRIOR_RUNS` runs in advance in which it helped.

    >>> lower_bound(3, 3, OTHER_SHARE) > lower_bound(0, 0, FIRST_SHARE)
    True
    >>> lower_bound(1, 1, OTHER_SHARE) > lower_bound(0, 0, FIRST_SHARE)
    False
    """
    runs = tried + PRIOR_RUNS
    share = (helped + PRIOR_RUNS * prior_share) / runs
    weight = _Z95**2 / runs
    reach = _Z95 * math.sqrt(share * (1.0 - share) / runs + weight / (4.0 * runs))
    return (share + weight / 2.0 - reach) / (1.0 + weight)


def _reordered(finding: Finding, evidence: PastEvidence) -> Finding:
    return replace(
        finding,
        prescriptions=_by_success(finding.rule, finding.prescriptions, evidence),
        symptoms=tuple(_reordered(one, evidence) for one in finding.symptoms),
    )


def _by_success(
    rule: str, prescriptions: Sequence[Prescription], evidence: PastEvidence
) -> tuple[Prescription, ...]:
    scored = []
    for place, one in enumerate(prescriptions):
        record = evidence.record_of(rule, remedy_of(one)) if one.changes else None
        helped, tried = (record.helped, record.tried) if record else (0, 0)
        bound = lower_bound(helped, tried, OTHER_SHARE if place else FIRST_SHARE)
        said = replace(one, track_record=_said(record, evidence.experiment)) if record else one
        scored.append((-bound, place, said))
    return tuple(one for _, _, one in sorted(scored, key=lambda entry: entry[:2]))


def _said(record: RemedyRecord, experiment: str) -> str:
    if not record.tried:
        return f"tried in {experiment}, without a result"
    runs = "run" if record.tried == 1 else "runs"
    said = f"helped in {record.helped} of {record.tried} {runs} of {experiment}"
    return f"{said}, made {record.made_worse} worse" if record.made_worse else said
