"""What may be said of a change: whether it helped, on which numbers that rests, what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tuneguard.findings import Severity
from tuneguard.history import RunIdentity

Answer = Literal["better", "worse", "no difference", "cannot tell"]
PairedOn = Literal["step", "epoch", "time"]
SeedNoise = Literal["measured", "given", "assumed"]


@dataclass(frozen=True, slots=True)
class Criteria:
    """What counts as a difference. Shares are of what training gained or lost in the measure.

    Attributes:
        confidence: Of all intervals that decide a comparison together.
        smallest_effect: A smaller difference counts as none, however sure it is.
        equal_within: `no difference` needs a difference that is surely smaller than this.
        assumed_seed_noise: Standard deviation between runs that differ in their seed only, where
            a single pair cannot show it. In 63 groups of repeated runs of public benchmarks it
            was 0.1 % at the median, and above 2.5 % in one of ten.
    """

    confidence: float = 0.95
    smallest_effect: float = 0.005
    equal_within: float = 0.05
    assumed_seed_noise: float = 0.025


@dataclass(frozen=True, slots=True)
class Effect:
    """What the change did to one measure.

    Attributes:
        measure: What was measured, such as `validation accuracy`.
        key: Key of the series, as the run spells it.
        higher_is_better: Its direction.
        answer: What can be said of it.
        reason: Why, in one sentence with numbers.
        before: Mean level at the end of the runs before the change.
        after: The same after it, at no more steps than before.
        difference: `after - before`.
        interval: Where the true difference lies, with `confidence`; `None` where it could not be
            estimated.
        confidence: That of this interval: the measures that decide share the error allowed.
        gained: How far training moved the measure: what shares are shares of.
        noise: Standard deviation between runs that differ in their seed only.
        noise_is: How that is known.
        points: How many pairs of points, of runs, or runs in all the difference rests on.
        window: First and last step (or epoch, or second) of the runs before that were compared.
        decides: Whether the verdict rests on it.
    """

    measure: str
    key: str
    higher_is_better: bool
    answer: Answer
    reason: str
    before: float
    after: float
    difference: float
    interval: tuple[float, float] | None
    confidence: float
    gained: float
    noise: float
    noise_is: SeedNoise
    points: int
    window: tuple[float, float]
    decides: bool = True


@dataclass(frozen=True, slots=True)
class RuleCount:
    """In how many runs a rule found something, before and after.

    Attributes:
        rule: Name of the rule.
        rule_id: Its id.
        severity: The worst that it found in any run.
        before: Runs before the change in which it found something.
        after: Runs after the change in which it did.
    """

    rule: str
    rule_id: str
    severity: Severity
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Change:
    """A hyper-parameter that differs; `None` where it was not recorded."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What the runs of one side spent: the median over them.

    Attributes:
        runs: How many runs there are.
        length: How far the longest series goes.
        unit: What that counts: `step` or `epoch`.
        seconds: Sum of the recorded step times, or `None` where they were not recorded.
    """

    runs: int
    length: float
    unit: Literal["step", "epoch"]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Band:
    """A curve with its noise, reduced to the points that a picture needs.

    Attributes:
        label: `before` or `after`.
        at: Where on the horizontal axis, increasing.
        centre: The course: smoothed for one run, the mean over several.
        low: Where the noise band begins: two standard deviations of the points of one run, or
            the lowest of several runs.
        high: Where it ends.
    """

    label: str
    at: tuple[float, ...]
    centre: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BandPicture:
    """Both courses of one measure.

    Attributes:
        measure: What was measured.
        axis: What the horizontal axis counts, such as `step` or `seconds`.
        bands: Before and after.
        span: Where the curves were compared, or `None`.
        several: Whether the bands are the range of several runs.
    """

    measure: str
    axis: str
    bands: tuple[Band, ...]
    span: tuple[float, float] | None
    several: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether a change helped.

    Attributes:
        verdict: The answer of the measures that decide, where they agree.
        reason: Why, in one sentence with numbers.
        settle: What would settle what is left open; empty where nothing is.
        effects: What the change did to each measure, those that decide first.
        findings: What the rules found before or after.
        changes: Hyper-parameters that differ.
        varied: Hyper-parameters that also differ among the runs of one side.
        cost_before: What the runs before the change spent.
        cost_after: What those after it spent.
        before: The runs before the change. Their names are untrusted text.
        after: Those after it.
        paired_on: What the curves were laid over each other by.
        paired_by_seed: Whether runs were compared pair by pair, with the seed as the partner.
        pictures: The courses of the measures that decide.
        notes: What a person should know about the comparison.
    """

    verdict: Answer
    reason: str
    settle: str
    effects: tuple[Effect, ...]
    findings: tuple[RuleCount, ...]
    changes: tuple[Change, ...]
    varied: tuple[str, ...]
    cost_before: Cost
    cost_after: Cost
    before: tuple[RunIdentity, ...]
    after: tuple[RunIdentity, ...]
    paired_on: PairedOn = "step"
    paired_by_seed: bool = False
    pictures: tuple[BandPicture, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def gone(self) -> tuple[RuleCount, ...]:
        """What was found before the change, and in no run after it."""
        return tuple(one for one in self.findings if one.before and not one.after)

    @property
    def appeared(self) -> tuple[RuleCount, ...]:
        """What was found after the change, and in no run before it."""
        return tuple(one for one in self.findings if one.after and not one.before)

    @property
    def remained(self) -> tuple[RuleCount, ...]:
        """What was found on both sides."""
        return tuple(one for one in self.findings if one.before and one.after)
