"""What each training proved to be: a fault that shows, one that does not, or a healthy run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from benchmarks.error_rates.cache import Kept
from benchmarks.error_rates.mechanisms import mechanism_holds
from benchmarks.error_rates.plan import BASE, RunSpec, setup_of
from tuneguard import keys

MIN_POINTS, MIN_DEVIATIONS = 5.0, 3.0
MAX_RISE = 0.1
MIN_TWINS = 5
_RATES = 400


class Standing(str, Enum):
    """What a training proved to be."""

    MANIFEST = "manifest"
    UNMANIFEST = "unmanifest"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a training, as far as it says whether something was wrong.

    Attributes:
        score: Of the final model on the test data, in points of 100.
        first_loss: Training loss of the first step.
        test_losses: Loss on the test data at each validation.
        has_mechanism: Whether the mechanism of its fault was measured.
        onset: Share of the run at which its fault began.
    """

    score: float
    first_loss: float
    test_losses: tuple[float, ...]
    has_mechanism: bool = False
    onset: float = 0.0

    @classmethod
    def of(cls, kept: Kept) -> Outcome:
        """Take it from what is kept of the training."""
        losses = dict(kept.columns.by_key())[keys.TRAIN_LOSS].values
        return cls(
            kept.ended.score,
            float(losses[0]),
            kept.ended.test_losses,
            mechanism_holds(kept.spec, kept.ended),
            _onset(kept.spec),
        )

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Outcome:
        """Read what `to_document` returned."""
        return cls(**{**document, "test_losses": tuple(document["test_losses"])})

    @property
    def rise(self) -> float:
        """How far the test loss ends above its best, as a share of what was gained till then."""
        best = min(self.test_losses)
        gained = max(self.first_loss, self.test_losses[0]) - best
        return (self.test_losses[-1] - best) / gained if gained > 0 else float("inf")


@dataclass(frozen=True, slots=True)
class Level:
    """What trainings of one kind score.

    Attributes:
        mean: Of their scores.
        deviation: Standard deviation of their scores, from seed to seed.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, scores: Iterable[float]) -> Level:
        """Take it from scores; of a single one the deviation is 0."""
        found = np.array(list(scores))
        deviation = float(found.std(ddof=1)) if len(found) > 1 else 0.0
        return cls(float(found.mean()), deviation)

    def is_missed_by(self, score: float) -> bool:
        """Whether a score is worse by more than 5 points and 3 standard deviations."""
        return self.mean - score > max(MIN_POINTS, MIN_DEVIATIONS * self.deviation)


def _onset(spec: RunSpec) -> float:
    """Return where the learning rate first departs from the healthy one; else faults are at 0."""
    rate, healthy = setup_of(spec).rate, setup_of(replace(spec, fault=None, strength=0)).rate
    shares = (step / _RATES for step in range(_RATES))
    return next((share for share in shares if rate(share) != healthy(share)), 0.0)


def standings(outcomes: Mapping[RunSpec, Outcome]) -> dict[RunSpec, Standing]:
    """Say of each training what it proved to be.

    A faulty one is manifest where it scores worse than the healthy twins of its program by more
    than 5 points and 3 of their standard deviations, or its mechanism was measured. A healthy one
    is unhealthy where it scores as much worse than its twins and than its own variant, or where
    its loss on the test data ends above its best by over a tenth of what was gained.

    Args:
        outcomes: What became of each training; the twins are the base variants without a fault.

    Raises:
        ValueError: A program has fewer than 5 twins.
    """
    levels = _levels(outcomes)
    return {spec: _standing(spec, one, levels) for spec, one in outcomes.items()}


def _levels(outcomes: Mapping[RunSpec, Outcome]) -> dict[tuple[str, str], Level]:
    scores: dict[tuple[str, str], list[float]] = {}
    for spec, outcome in outcomes.items():
        if spec.fault is None:
            scores.setdefault((spec.program, spec.variant), []).append(outcome.score)
    for program in {spec.program for spec in outcomes}:
        found = len(scores.get((program, BASE), []))
        if found < MIN_TWINS:
            raise ValueError(f"{program} has {found} twins, {MIN_TWINS} are needed")
    return {kind: Level.of(found) for kind, found in scores.items()}


def _standing(
    spec: RunSpec, outcome: Outcome, levels: Mapping[tuple[str, str], Level]
) -> Standing:
    is_below_twins = levels[spec.program, BASE].is_missed_by(outcome.score)
    if spec.fault is not None:
        shows = outcome.has_mechanism or is_below_twins
        return Standing.MANIFEST if shows else Standing.UNMANIFEST
    is_below = is_below_twins and levels[spec.program, spec.variant].is_missed_by(outcome.score)
    # so that a loss that is not a number counts as risen
    is_steady = outcome.rise <= MAX_RISE
    return Standing.HEALTHY if is_steady and not is_below else Standing.UNHEALTHY
