"""How a run stands after a scan: what its tags say, told apart by how it was found out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tuneguard import keys
from tuneguard.findings import Severity

Outcome = Literal["diagnosed", "unchanged", "unreadable"]

_FINDING = re.compile(r"(?P<severity>info|warning|critical) @ (?P<since>(?:step|epoch) \S+)")
_ORDER = ("critical", "warning", "info", "inconclusive", "healthy")


@dataclass(frozen=True, slots=True)
class NamedFinding:
    """A finding as a run's tag names it.

    Attributes:
        rule: Name of the rule.
        severity: How bad it is.
        since: Where its evidence begins, such as `step 120`.
    """

    rule: str
    severity: Severity
    since: str


@dataclass(frozen=True, slots=True)
class ScannedRun:
    """One run of a scan. All texts are untrusted.

    Attributes:
        run_id: The run.
        name: Its name.
        status: `RUNNING`, `FINISHED`, ... as MLflow has it.
        start_time: Milliseconds since 1970, where known.
        outcome: Whether it was diagnosed by this scan, is unchanged since an earlier diagnosis,
            or could not be read.
        verdict: As its tag says; empty where it could not be read.
        findings: As its tags name them, causes before symptoms.
        reason: Why it could not be read, or which rule is broken.
        url: Address of its page, where a server is known.
    """

    run_id: str
    name: str = ""
    status: str = ""
    start_time: int | None = None
    outcome: Outcome = "unreadable"
    verdict: str = ""
    findings: tuple[NamedFinding, ...] = ()
    reason: str = ""
    url: str = ""

    @property
    def severity(self) -> Severity | None:
        """The worst severity of its findings, or `None` where there is none."""
        return max((finding.severity for finding in self.findings), default=None)


def findings_in(tags: Mapping[str, str]) -> tuple[NamedFinding, ...]:
    """Return the findings that the tags of a run name, in the order of their list.

    >>> tags = {"tuneguard.findings": "divergence", "tuneguard.divergence": "critical @ step 9"}
    >>> findings_in(tags)[0].since
    'step 9'
    """
    found = []
    for rule in tags.get(keys.TAG_FINDINGS, "").split(", "):
        match = _FINDING.fullmatch(tags.get(f"{keys.TAG_PREFIX}{rule}", ""))
        if match:
            severity = Severity[match["severity"].upper()]
            found.append(NamedFinding(rule, severity, match["since"]))
    return tuple(found)


def worst_first(runs: Iterable[ScannedRun]) -> list[ScannedRun]:
    """Sort runs by verdict, then by their number of findings, then the newest first.

    Runs that could not be read come last.
    """
    return sorted(runs, key=_rank)


def _rank(run: ScannedRun) -> tuple[int, int, int, str]:
    worst = str(run.severity) if run.severity else run.verdict
    place = _ORDER.index(worst) if worst in _ORDER else len(_ORDER)
    return (place, -len(run.findings), -(run.start_time or 0), run.run_id)


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What a scan found in an experiment. All texts are untrusted.

    Attributes:
        experiment: Name of the experiment, as it was asked for.
        tracking_uri: The tracking store, its password masked.
        runs: The worst first; those that could not be read last.
    """

    experiment: str
    tracking_uri: str
    runs: tuple[ScannedRun, ...]

    @property
    def readable(self) -> tuple[ScannedRun, ...]:
        """The runs that were diagnosed, now or by an earlier diagnosis."""
        return tuple(run for run in self.runs if run.outcome != "unreadable")

    @property
    def unreadable(self) -> tuple[ScannedRun, ...]:
        """The runs that could not be read."""
        return tuple(run for run in self.runs if run.outcome == "unreadable")

    def verdicts(self) -> dict[str, int]:
        """Return how many runs have each verdict, the worst verdict first.

        A verdict that a person wrote over is counted as it reads.
        """
        found = Counter(run.verdict for run in self.readable)
        ordered = [verdict for verdict in _ORDER if verdict in found]
        return {verdict: found[verdict] for verdict in (*ordered, *sorted(set(found) - {*_ORDER}))}

    def outcomes(self) -> dict[str, int]:
        """Return how many runs were diagnosed, are unchanged, and could not be read."""
        found = Counter(run.outcome for run in self.runs)
        return {outcome: found[outcome] for outcome in get_args(Outcome)}
