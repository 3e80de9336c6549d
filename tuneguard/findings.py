"""What may be said of a run: findings, their evidence, and what to change."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal


class Severity(IntEnum):
    """How bad a finding is. `INFO` is advice, not an alarm."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured number, and the limit that it was held against.

    Attributes:
        metric: Key of the series, as the run spells it.
        statistic: What was computed from it, in words a textbook uses.
        value: The measured number.
        threshold: The limit; the finding says that `value` is on its wrong side.
        steps: First and last step of the window that was measured.
    """

    metric: str
    statistic: str
    value: float
    threshold: float
    steps: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Change:
    """One setting to change, as a program can apply it.

    Attributes:
        parameter: The setting, by its usual name (`learning_rate`, `clip_norm`, ...).
        value: What to set it to, to multiply it by, or to add to it.
        operation: Which of the three.
    """

    parameter: str
    value: float | str | bool
    operation: Literal["set", "multiply", "add"] = "set"


@dataclass(frozen=True, slots=True)
class Prescription:
    """One change to try, from what to what.

    Attributes:
        parameter: What to change, by its usual name (`learning_rate`, `weight_decay`, ...).
        current: Its value in the run, or `None` where the run does not say.
        suggested: The value to try.
        action: One imperative sentence.
        rationale: Why the evidence points to it.
        tradeoff: What it costs.
        verify: What to look at in the next run.
        snippet: PyTorch code that runs as it stands, given `model` and `optimizer`.
        changes: The same as settings that a program can apply, all of them together; empty
            where it takes a person, such as to look at data.
        track_record: What came of it in past runs, such as `helped in 7 of 9 runs of vision`;
            empty where no past runs were asked.
    """

    parameter: str
    current: str | None
    suggested: str
    action: str
    rationale: str
    tradeoff: str
    verify: str
    snippet: str
    changes: tuple[Change, ...] = ()
    track_record: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Which picture shows a finding: the series, the guilty span, marks.

    Attributes:
        metrics: Keys of the series to draw on one pair of axes.
        span: First and last step of the guilty span, or `None`.
        threshold: A horizontal line, or `None`.
        marks: Steps to mark, with a word for each.
        log_scale: Whether the vertical axis is logarithmic.
    """

    metrics: tuple[str, ...]
    span: tuple[float, float] | None = None
    threshold: float | None = None
    marks: tuple[tuple[float, str], ...] = ()
    log_scale: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A series reduced to the few hundred points that a picture needs.

    `steps` and `values` have the same length; values may be NaN or infinite.
    """

    metric: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A `View` with its points: everything a report needs to draw it."""

    view: View
    lines: tuple[Line, ...]
    axis: Literal["step", "epoch"] = "step"


@dataclass(frozen=True, slots=True)
class LayerExtreme:
    """One block of one layer that stands out from all others.

    Attributes:
        word: In what way, such as `highest`.
        layer: Name of the layer; untrusted text.
        steps: First and last step of the block.
        value: What was measured there.
    """

    word: str
    layer: str
    steps: tuple[float, float]
    value: float


@dataclass(frozen=True, slots=True)
class LayerMap:
    """A quantity of each layer over the course of a run, reduced to blocks of equal length.

    Attributes:
        quantity: What was measured: the part of the keys before the name of the layer.
        layers: Names of the layers that are shown, from input to output where their order is
            known; untrusted text.
        edges: Shape `(blocks + 1,)`: where each block begins, and where the last one ends.
        values: For each layer a tuple of shape `(blocks,)`: the median of the block. It is NaN or
            infinite where any value of the block was. A block that lies between samples shows
            the nearest, and `None` is where none is near.
        layer_count: How many layers were measured, whether they are shown or not.
        extremes: What stands out among all layers; those layers are always shown.
        marks: Steps to mark, with a word for each.
        axis: What the steps count.
    """

    quantity: str
    layers: tuple[str, ...]
    edges: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]
    layer_count: int
    extremes: tuple[LayerExtreme, ...]
    marks: tuple[tuple[float, str], ...] = ()
    axis: Literal["step", "epoch"] = "step"


@dataclass(frozen=True, slots=True)
class Finding:
    """One pathology seen in one run.

    Attributes:
        rule: Name of the rule, such as `overfitting`.
        rule_id: Its id, such as `TG101`.
        severity: How bad it is.
        summary: One sentence in the past tense, with numbers.
        why: One sentence: why it matters.
        evidence: The numbers it rests on; never empty.
        confidence: Between 0 and 1; a rank, not a probability.
        prescriptions: What to change, the first to be tried first.
        symptoms: Findings that this one explains.
        view: Which picture shows it.
        picture: That picture with its points; filled in by `diagnose`.
    """

    rule: str
    rule_id: str
    severity: Severity
    summary: str
    why: str
    evidence: tuple[Evidence, ...]
    confidence: float
    prescriptions: tuple[Prescription, ...] = ()
    symptoms: tuple[Finding, ...] = ()
    view: View | None = None
    picture: Picture | None = field(default=None, repr=False)

    @property
    def first_step(self) -> float:
        """Step at which the earliest evidence begins."""
        return min(evidence.steps[0] for evidence in self.evidence)

    @property
    def last_step(self) -> float:
        """Step at which the latest evidence ends."""
        return max(evidence.steps[1] for evidence in self.evidence)


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule looked, and found nothing wrong."""

    rule: str
    rule_id: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Abstained:
    """A rule could not tell.

    Attributes:
        rule: Name of the rule.
        rule_id: Its id.
        reason: Why not, in one sentence.
        needs: What to record so that it can tell; empty where nothing would help.
    """

    rule: str
    rule_id: str
    reason: str
    needs: str = ""


Outcome = Finding | Passed | Abstained
