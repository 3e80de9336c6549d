"""What people say of findings, and how often a rule was wrong by their word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tuneguard import keys
from tuneguard.statistics.proportions import wilson_interval

Opinion = Literal["real problem", "false alarm"]
Outcome = Literal["real problem", "false alarm", "disputed", "unreviewed"]

AFFIRMED: Final = frozenset({"true", "yes", "pass"})
DENIED: Final = frozenset({"false", "no", "fail"})
CONFIRMING_NAMES: Final = frozenset(
    {keys.REAL_PROBLEM.replace("_", " "), "verdict", "tuneguard verdict", "correct"}
)
REFUTING_NAMES: Final = frozenset({"false alarm", "false positive"})

_OPPOSITE: Final[dict[Opinion, Opinion]] = {
    "real problem": "false alarm",
    "false alarm": "real problem",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One person's feedback on one finding. Its texts are untrusted.

    Attributes:
        person: Who gave it, as MLflow knows them.
        name: What they called the feedback.
        value: What they gave, as text.
        rationale: Why, in their words.
        given_at: When, in milliseconds since 1970.
    """

    person: str
    name: str
    value: str
    rationale: str
    given_at: int

    @property
    def opinion(self) -> Opinion | None:
        """What the feedback says of the finding, or `None` where that is not known."""
        return opinion_of(self.name, self.value)


@dataclass(frozen=True, slots=True)
class TracedFinding:
    """A finding that people can judge in MLflow, with what they said. Its texts are untrusted.

    Attributes:
        experiment_id: The experiment of that run.
        run_id: The run that it was found in.
        trace_id: The trace that shows it.
        rule: Name of the rule.
        severity: How bad it is, as text.
        summary: What was found, in one sentence.
        written_at: When it was written, in milliseconds since 1970.
        verdicts: Every feedback of a person, the oldest first.
    """

    experiment_id: str
    run_id: str
    trace_id: str
    rule: str
    severity: str
    summary: str
    written_at: int
    verdicts: tuple[Verdict, ...] = ()

    @property
    def counted(self) -> dict[str, Verdict]:
        """The latest verdict of each person that says what they think of the finding."""
        return {
            verdict.person: verdict
            for verdict in sorted(self.verdicts, key=lambda one: one.given_at)
            if verdict.opinion is not None
        }

    @property
    def outcome(self) -> Outcome:
        """What most people say of the finding."""
        opinions = [verdict.opinion for verdict in self.counted.values()]
        balance = opinions.count("real problem") - opinions.count("false alarm")
        if not opinions:
            return "unreviewed"
        if balance == 0:
            return "disputed"
        return "real problem" if balance > 0 else "false alarm"


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """How a rule did by people's word.

    Attributes:
        rule: Name of the rule.
        real_problems: Runs in which its finding was a real problem.
        false_alarms: Runs in which it was not.
        disputed: Runs in which as many people say the one as the other.
        unreviewed: Findings that nobody has judged yet.
    """

    rule: str
    real_problems: int
    false_alarms: int
    disputed: int
    unreviewed: int

    @property
    def judged(self) -> int:
        """In how many runs people came to a result."""
        return self.real_problems + self.false_alarms

    @property
    def false_alarm_rate(self) -> float | None:
        """Share of the judged findings that were false alarms; `None` where none was judged."""
        return self.false_alarms / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that share."""
        return wilson_interval(self.false_alarms, self.judged)


def opinion_of(name: str, value: str) -> Opinion | None:
    """Return what a feedback says of a finding.

    `real problem` and `false alarm` say it under any name. True or false, yes or no, pass or
    fail say it under a name that asks for it. Capitals, `_`, `-` and `.` make no difference.

    Args:
        name: What the feedback is called.
        value: What was given.

    >>> opinion_of("real_problem", "True"), opinion_of("False alarm", "yes")
    ('real problem', 'false alarm')
    >>> opinion_of("anything", "false-alarm"), opinion_of("helpful", "True")
    ('false alarm', None)
    """
    asked, said = _plain(name), _plain(value)
    if said == "real problem":
        return "real problem"
    if said == "false alarm":
        return "false alarm"
    if said not in AFFIRMED | DENIED:
        return None
    if_affirmed: Opinion | None = None
    if asked in CONFIRMING_NAMES:
        if_affirmed = "real problem"
    elif asked in REFUTING_NAMES:
        if_affirmed = "false alarm"
    if if_affirmed is None or said in AFFIRMED:
        return if_affirmed
    return _OPPOSITE[if_affirmed]


def records_by_rule(findings: Iterable[TracedFinding]) -> tuple[RuleRecord, ...]:
    """Count what people said of each rule, the most false alarms first.

    A rule counts once a run, by the newest of its findings there that somebody judged: several
    findings of one run are no independent witnesses.
    """
    by_rule: dict[str, list[TracedFinding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    records = [_record(rule, found) for rule, found in by_rule.items()]
    return tuple(sorted(records, key=lambda one: (-one.false_alarms, -one.judged, one.rule)))


def _record(rule: str, findings: Sequence[TracedFinding]) -> RuleRecord:
    newest: dict[str, Outcome] = {}
    for finding in sorted(findings, key=lambda one: one.written_at):
        if finding.outcome != "unreviewed":
            newest[finding.run_id] = finding.outcome
    outcomes = list(newest.values())
    return RuleRecord(
        rule,
        real_problems=outcomes.count("real problem"),
        false_alarms=outcomes.count("false alarm"),
        disputed=outcomes.count("disputed"),
        unreviewed=sum(finding.outcome == "unreviewed" for finding in findings),
    )


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").replace("-", " ").replace(".", " ").casefold().split())
