"""From a history to a diagnosis: a pure function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunIdentity

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
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    passed: tuple[Passed, ...]
    abstained: tuple[Abstained, ...]
    broken: tuple[BrokenRule, ...] = ()
    notes: tuple[str, ...] = ()
    identity: RunIdentity = RunIdentity()
    is_running: bool = False
    rules: tuple[str, ...] = ()

    def all_findings(self) -> tuple[Finding, ...]:
        """Return causes and symptoms, each cause before its symptoms."""
        return flatten(self.findings)


def flatten(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings and, after each, its symptoms."""
    return tuple(one for finding in findings for one in (finding, *flatten(finding.symptoms)))
