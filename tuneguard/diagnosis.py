"""From a history to a diagnosis: a pure function."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tuneguard.boosting import REASON, advised, is_unfit
from tuneguard.causes import under_their_causes
from tuneguard.findings import (
    Abstained,
    Finding,
    LayerMap,
    Outcome,
    Passed,
    Picture,
    Severity,
)
from tuneguard.history import RunHistory, RunIdentity
from tuneguard.layer_maps import layer_maps
from tuneguard.pictures import overview, picture_of
from tuneguard.rule import Rule
from tuneguard.rules import BUILTIN_RULES

_LOGGER = logging.getLogger(__name__)

Verdict = Literal["healthy", "info", "warning", "critical", "inconclusive"]


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that raised: a bug in the rule, reported as such.

    Attributes:
        rule: Name of the rule.
        rule_id: Its id.
        error: What it raised.
    """

    rule: str
    rule_id: str
    error: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found in a run, what was looked at, and what could not be told.

    Attributes:
        verdict: The worst severity found; `healthy` only where enough could be judged.
        findings: Causes, most likely first, with their symptoms under them.
        passed: Rules that looked and found nothing.
        abstained: Rules that could not tell, and why.
        broken: Rules that raised.
        notes: What a person should know about the reading.
        identity: Where the run is kept. Its texts are untrusted.
        is_running: Whether the run was still going on.
        rules: `id` and thresholds of each rule that was asked, as text.
        overview: The course of the whole run, or `None` where it has no loss.
        layers: Heat maps of what was measured of each layer.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    passed: tuple[Passed, ...]
    abstained: tuple[Abstained, ...]
    broken: tuple[BrokenRule, ...] = ()
    notes: tuple[str, ...] = ()
    identity: RunIdentity = field(default_factory=RunIdentity)
    is_running: bool = False
    rules: tuple[str, ...] = ()
    overview: Picture | None = field(default=None, repr=False)
    layers: tuple[LayerMap, ...] = field(default=(), repr=False)

    def all_findings(self) -> tuple[Finding, ...]:
        """Return causes and symptoms, each cause before its symptoms."""
        return flatten(self.findings)


def flatten(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings and, after each, its symptoms."""
    return tuple(one for finding in findings for one in (finding, *flatten(finding.symptoms)))


def diagnose(
    history: RunHistory,
    rules: Iterable[Rule | type[Rule]] | None = None,
    *,
    pictures: bool = True,
) -> Diagnosis:
    """Ask every rule about a run.

    Args:
        history: What happened in the run.
        rules: Rules to ask, as instances with their own thresholds or as classes; by default all
            that tuneguard has.
        pictures: Whether to take along the points that a report draws. Without them a diagnosis
            takes about half the time.

    Returns:
        Findings with causes before symptoms, what passed, and what could not be told. A rule that
        raises is reported as broken and hides no other rule's result.
    """
    chosen = BUILTIN_RULES if rules is None else rules
    asked = [rule() if isinstance(rule, type) else rule for rule in chosen]
    findings: list[Finding] = []
    passed: list[Passed] = []
    abstained: list[Abstained] = []
    broken: list[BrokenRule] = []
    for rule in asked:
        outcome = _outcome(rule, history, pictures=pictures)
        if isinstance(outcome, Finding):
            findings.append(outcome)
        elif isinstance(outcome, Passed):
            passed.append(outcome)
        elif isinstance(outcome, Abstained):
            abstained.append(outcome)
        else:
            broken.append(outcome)
    explains = {rule.name: rule.explains for rule in asked}
    learned = {rule.name for rule in asked if rule.judges_learning}
    causes = under_their_causes(findings, explains, history)
    return Diagnosis(
        verdict=_verdict(findings, any(one.rule in learned for one in passed)),
        findings=causes,
        passed=tuple(passed),
        abstained=tuple(abstained),
        broken=tuple(broken),
        notes=history.notes,
        identity=history.identity,
        is_running=history.is_running,
        rules=tuple(rule.setting for rule in asked),
        overview=overview(history, causes) if pictures else None,
        layers=layer_maps(history, causes) if pictures else (),
    )


def _outcome(
    rule: Rule, history: RunHistory, *, pictures: bool
) -> Finding | Passed | Abstained | BrokenRule:
    if is_unfit(rule, history):
        return rule.abstained(REASON)
    for requirement in rule.requires:
        reason = requirement.missing_from(history)
        if reason is not None:
            return rule.abstained(reason, requirement.advice)
    try:
        outcome = rule.check(history)
        if isinstance(outcome, Finding) and history.is_boosting:
            outcome = advised(outcome, history)
        return _checked(outcome, history, pictures=pictures)
    except Exception as error:  # a broken rule must not hide what the others found
        _LOGGER.exception("Rule %s (%s) is broken: please report it", rule.name, rule.id)
        return BrokenRule(rule.name, rule.id, f"{type(error).__name__}: {error}")


def _checked(outcome: Outcome, history: RunHistory, *, pictures: bool) -> Outcome:
    """Return `outcome`, a finding with its picture where pictures are wanted.

    Raises:
        TypeError: It is not an outcome.
        ValueError: It is a finding without evidence.
    """
    if isinstance(outcome, Passed | Abstained):
        return outcome
    if not isinstance(outcome, Finding):
        raise TypeError(f"check() returned {outcome!r}, not a Finding, Passed or Abstained")
    if not outcome.evidence:
        raise ValueError("check() returned a finding without evidence")
    view = outcome.view
    if view is None or not pictures:
        return outcome
    return replace(outcome, picture=picture_of(view, history))


def _verdict(findings: Sequence[Finding], has_learned: bool) -> Verdict:
    if not findings:
        return "healthy" if has_learned else "inconclusive"
    worst = max(finding.severity for finding in findings)
    names: dict[Severity, Verdict] = {
        Severity.INFO: "info",
        Severity.WARNING: "warning",
        Severity.CRITICAL: "critical",
    }
    return names[worst]
