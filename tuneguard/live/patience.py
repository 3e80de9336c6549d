"""How long what a look shows must hold before somebody is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tuneguard.history import Axis, Role, RunHistory

_AT_FULL_RATE = 0.95
_FEWEST_STEPS = 1_000
_ROUNDED = 0.99  # looks come at whole steps


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come, on the axis of its last step.

    Attributes:
        step: The step that it has reached.
        planned: How far it is to go; 0 where nobody knows.
        warmed_up: The step at which its learning rate came to the highest that it has had.
        counts_steps: Whether the axis is that of steps, and not of epochs.
    """

    step: float
    planned: float
    warmed_up: float
    counts_steps: bool

    @classmethod
    def of(cls, history: RunHistory) -> Progress:
        """Take it from the run as it is now."""
        has_steps = any(one.axis is Axis.STEP and len(one) for one in history.series.values())
        planned = history.planned_steps if has_steps else history.hyperparameters.epochs
        return cls(history.last_step, float(planned or 0.0), _warmed_up(history), has_steps)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a kind of finding waits for.

    Attributes:
        growth: How many times the usual share the run must become longer while it holds.
        counts_from: Share of the planned steps before which it does not count that it is seen.
        told_from: Share of the planned steps before which it is not told.
        is_of_standstill: Whether it says that nothing goes forward.
    """

    growth: float = 1.0
    counts_from: float = 0.0
    told_from: float = 0.0
    is_of_standstill: bool = False

    def is_over(self, since: float, now: Progress, share: float) -> bool:
        """Say whether what is seen since a step has lasted long enough.

        That nothing goes forward counts from the end of the warm-up on. Where nobody knows how
        far the run is to go, it has to hold until the run is twice as long as it would have to
        be, and for a number of steps in any case.

        Args:
            since: The step that the run had reached when it was first seen.
            now: How far the run has come.
            share: By what share of its steps a run must usually become longer.
        """
        begun, growth = max(since, self.counts_from * now.planned), self.growth
        if self.is_of_standstill:
            begun = max(begun, now.warmed_up)
            if not now.planned:
                growth *= 2.0
                if now.counts_steps and now.step < _FEWEST_STEPS:
                    return False
        is_young = now.step < _ROUNDED * self.told_from * now.planned
        has_grown = now.step >= _ROUNDED * (1.0 + growth * share) * begun
        return now.step > begun and has_grown and not is_young


_USUAL: Final = Wait()
# of the first steps nobody can say whether they are the course of the run
_OF_THE_COURSE: Final = Wait(counts_from=0.15)
# runs rest for a while, above all before they begin to learn, and then learn on
_STANDSTILL: Final = Wait(growth=2.0, told_from=0.5, is_of_standstill=True)
# a loss that swings at a high rate settles when the rate decays, which may still come
_SWINGS: Final = Wait(growth=2.0, told_from=0.75, is_of_standstill=True)
# a fault inside of the network that is held against what was learned so far
_HARM: Final = Wait(growth=2.0)

_WAITS: Final[Mapping[str, Wait]] = {
    "clipping-saturated": _HARM,
    "dead-units": _HARM,
    "divergence": _OF_THE_COURSE,
    "learning-rate-oscillation": _SWINGS,
    "learning-rate-too-high": _STANDSTILL,
    "learning-rate-too-low": _STANDSTILL,
    "loss-plateau": _STANDSTILL,
    "no-generalization": _OF_THE_COURSE,
    "no-learning": _STANDSTILL,
    "overconfidence": _OF_THE_COURSE,
    "overfitting": _OF_THE_COURSE,
    "saturated-units": _HARM,
    "underfitting": _STANDSTILL,
    "validation-leak": _OF_THE_COURSE,
    "vanishing-gradients": _STANDSTILL,
    "wasted-epochs": _STANDSTILL,
    "weight-decay-overwhelming": _HARM,
}


def wait_of(rule: str) -> Wait:
    """Return what the findings of a rule wait for.

    >>> wait_of("no-learning").told_from
    0.5
    """
    return _WAITS.get(rule, _USUAL)


def _warmed_up(history: RunHistory) -> float:
    """Return the step from which on the learning rate was near the highest that it has had."""
    rate = history.get(Role.LEARNING_RATE)
    known = rate.finite() if rate is not None else None
    if known is None or len(known) == 0 or known.values.max() <= 0.0:
        return 0.0
    first = int((known.values >= _AT_FULL_RATE * known.values.max()).argmax())
    return float(known.positions[first]) * history.last_step if first else 0.0
