"""Phrases that every report shares: numbers, steps, names and the headline."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuneguard.diagnosis import Diagnosis, flatten
from tuneguard.findings import Abstained, Evidence, Finding, Prescription


def number(value: float) -> str:
    """Return `value` to four significant digits, the way a person writes it.

    >>> number(1200.0), number(0.123456), number(1e-5), number(float("nan"))
    ('1200', '0.1235', '1e-05', 'NaN')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) < 1e9 and (abs(value) >= 1e4 or value == int(value)):
        return f"{value:.0f}"
    return f"{value:.4g}"


def title(rule: str) -> str:
    """Return a rule's name as words.

    >>> title("exploding-gradients")
    'Exploding gradients'
    """
    words = _words(rule)
    return words[:1].upper() + words[1:]


def axis_word(finding: Finding) -> str:
    """Return what the steps of a finding count: `step` or `epoch`."""
    return finding.picture.axis if finding.picture else "step"


def since(finding: Finding) -> str:
    """Return since when a finding holds, such as `since step 1200`."""
    return f"since {axis_word(finding)} {number(finding.first_step)}"


def window(steps: tuple[float, float], word: str = "step") -> str:
    """Return a window of steps in words.

    >>> window((3, 3)), window((3, 9), "epoch")
    ('step 3', 'epochs 3 to 9')
    """
    first, last = (number(step) for step in steps)
    return f"{word} {first}" if first == last else f"{word}s {first} to {last}"


def relation(evidence: Evidence) -> str:
    """Return the sign between the measured number and its limit: `>`, `<`, `=` or `against`."""
    if evidence.value > evidence.threshold:
        return ">"
    if evidence.value < evidence.threshold:
        return "<"
    return "=" if evidence.value == evidence.threshold else "against"


def explains(finding: Finding) -> str:
    """Introduce the symptoms of a finding: mending it is what mends them."""
    symptoms = counted(len(finding.symptoms), "symptom")
    return f"This explains {symptoms}, which should go away with it:"


def confidence(finding: Finding) -> str:
    """Return in a word how sure a finding is; the number behind it is a rank."""
    if finding.confidence >= 0.8:
        return "high"
    return "medium" if finding.confidence >= 0.5 else "low"


def change(prescription: Prescription, arrow: str = "->") -> str:
    """Return what to change, from what to what."""
    current = prescription.current if prescription.current is not None else "(not recorded)"
    return f"{prescription.parameter}: {current} {arrow} {prescription.suggested}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "rule"), counted(2, "rule")
    ('1 rule', '2 rules')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(rules: Sequence[str]) -> str:
    """Return names of rules as one line of words."""
    return ", ".join(map(_words, rules))


def abstentions(abstained: Sequence[Abstained]) -> list[tuple[str, str, str]]:
    """Return names of rules, their reason and what to record, once for each reason."""
    rules: dict[tuple[str, str], list[str]] = {}
    for one in abstained:
        rules.setdefault((one.reason.rstrip("."), one.needs), []).append(one.rule)
    return [(title(listed(names)), reason, needs) for (reason, needs), names in rules.items()]


def headline(diagnosis: Diagnosis) -> str:
    """Return the verdict as one sentence without a full stop."""
    if diagnosis.findings:
        first = diagnosis.findings[0]
        symptoms = len(flatten(first.symptoms))
        others = len(diagnosis.all_findings()) - symptoms - 1
        explained = f", with {counted(symptoms, 'symptom')}" if symptoms else ""
        more = f", and {counted(others, 'more finding')}" if others else ""
        return f"{title(first.rule)} {since(first)}{explained}{more}"
    if diagnosis.verdict == "healthy":
        return f"Nothing wrong was found in {counted(len(diagnosis.passed), 'check')}"
    return f"Too little could be judged to call the run healthy: {_share_judged(diagnosis)}"


def tally(diagnosis: Diagnosis) -> str:
    """Return how many checks ended in what way."""
    counts = (
        (len(diagnosis.all_findings()), "found something"),
        (len(diagnosis.passed), "passed"),
        (len(diagnosis.abstained), "could not be judged"),
        (len(diagnosis.broken), "failed"),
    )
    return ", ".join(f"{count} {outcome}" for count, outcome in counts if count)


def run_name(diagnosis: Diagnosis) -> str:
    """Return the name by which a person knows the run."""
    identity = diagnosis.identity
    return identity.name or identity.run_id or "unnamed run"


def _words(rule: str) -> str:
    return rule.replace("-", " ").replace("non finite", "non-finite")


def _share_judged(diagnosis: Diagnosis) -> str:
    judged = len(diagnosis.passed)
    asked = judged + len(diagnosis.abstained) + len(diagnosis.broken)
    return f"{judged} of {counted(asked, 'check')} could be made"
