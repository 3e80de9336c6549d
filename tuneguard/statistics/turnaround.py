"""Whether a series that should fall turned round: how far it rose, beyond what noise, for good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuneguard.statistics.curve import Curve

FloatArray = NDArray[np.float64]

_COMPARABLE = 1.0 / 3.0  # of another's range: below it the own range is no measure
_MUCH = 0.4
_EXCURSION = 2.2  # standard deviations: the largest one of some 20 to 60 independent levels
_FEWEST_LAST = 2  # levels that must have stayed up in a short run
_CLEAR_FALL = 2.5  # standard deviations of a level


@dataclass(frozen=True, slots=True)
class Turnaround:
    """The rise of a series from its best to its end.

    Attributes:
        share: The rise as a share of a range; 0 where there is none.
        is_of_own_range: Whether that is the range that the series itself came down.
        noise: The rise in standard deviations of a level; 0 where nothing rose. Where noise
            remembers its past, that deviation is taken from the largest rise that went back.
        climb: How far the median of the second half of the levels after the best lies above that
            of the first half. The best was chosen for being low, so that the rise from it is
            too large by some noise; this is not.
        is_lasting: Whether the last levels all stayed above two fifths of the rise.
        has_improved: Whether its best was below its start by more than noise.
    """

    share: float
    is_of_own_range: bool
    noise: float
    climb: float
    is_lasting: bool
    has_improved: bool


def turnaround(curve: Curve, other_gain: float = 0.0, persistence: int = 3) -> Turnaround:
    """Measure how far a series ended above its best.

    The measure is the range that the series itself came down. One that hardly came down at all,
    less than a third of another one in the same unit, is measured by that one's range: fine-tuned
    models begin where validation is best.

    Args:
        curve: The course of the series, lower is better.
        other_gain: How far another series in the same unit came down; 0 where there is none.
        persistence: How many last levels must have stayed up; a third of those after the best
            where these are few, but never less than two.

    >>> import numpy as np
    >>> from tuneguard.history import Series
    >>> from tuneguard.statistics.curve import course
    >>> steps = np.arange(20.0)
    >>> curve = course(Series.from_arrays("loss", steps, np.abs(steps - 10.0)))
    >>> round(turnaround(curve).share, 1), turnaround(curve).is_lasting
    (0.8, True)
    """
    own = max(curve.gained, 0.0)
    is_own = own > 0.0 and own >= _COMPARABLE * other_gain
    scale = own if is_own else max(own, other_gain)
    after_best = len(curve.levels) - 1 - curve.best_index
    last = min(persistence, max(_FEWEST_LAST, after_best // 3))
    tail = curve.levels[-last:]
    return Turnaround(
        share=curve.lost / scale if scale > 0.0 else 0.0,
        is_of_own_range=is_own,
        noise=max(curve.lost, 0.0) / max(_spread(curve), taken_back(curve.levels) / _EXCURSION),
        climb=_climb(curve.levels[curve.best_index + 1 :]),
        is_lasting=bool(
            curve.lost > 0.0
            and after_best >= persistence
            and (tail - curve.best >= _MUCH * curve.lost).all()
        ),
        has_improved=own >= 3.0 * max(curve.gain_noise, _spread(curve)),
    )


def taken_back(levels: FloatArray) -> float:
    """Return the largest rise that the levels took back later on.

    Args:
        levels: Shape `(n,)`, lower is better.

    >>> import numpy as np
    >>> taken_back(np.array([5.0, 3.0, 4.5, 3.5, 2.0, 4.0, 6.0]))
    1.5
    """
    before = np.minimum.accumulate(levels)
    after = np.minimum.accumulate(levels[::-1])[::-1]
    return float(np.minimum(levels - before, levels - after).max())


@dataclass(frozen=True, slots=True)
class Continuation:
    """How a training loss went on after validation was best.

    Attributes:
        fall: How far it came down since then; negative where it rose.
        share: That as a share of the range that it came down in the whole run.
        noise: That in standard deviations of a level.
        learned: Its fall in the whole run, in standard deviations of its first values.
    """

    fall: float
    share: float
    noise: float
    learned: float

    def is_clear(self, min_learned: float, min_share: float) -> bool:
        """Whether training learned, and went on to do so after validation was best.

        Args:
            min_learned: Least `learned`.
            min_share: Least `share`.
        """
        return self.learned >= min_learned and self._fell(min_share)

    def confirms(self, climb: float, min_share: float, min_return: float) -> bool:
        """Whether training fell for long while validation climbed: the gap between them opened.

        Args:
            climb: How far the validation loss climbed after its best, in the unit of the
                training loss.
            min_share: How much of its range training must have fallen since then.
            min_return: How much of that fall the climb must be.
        """
        return self._fell(min_share) and climb >= min_return * self.fall

    def _fell(self, min_share: float) -> bool:
        return self.share >= min_share and self.noise >= _CLEAR_FALL


def continuation(training: Curve, validation: Curve) -> Continuation:
    """Measure how far a training loss came down after validation was best.

    Args:
        training: The course of the training loss.
        validation: The course of what may have turned round, lower is better.

    >>> import numpy as np
    >>> from tuneguard.history import Series
    >>> from tuneguard.statistics.curve import course
    >>> steps = np.arange(20.0)
    >>> training = course(Series.from_arrays("loss", steps, 20.0 - steps))
    >>> validation = course(Series.from_arrays("val_loss", steps, np.abs(steps - 10.0)))
    >>> round(continuation(training, validation).share, 1)
    0.4
    """
    before = training.levels[training.positions <= validation.positions[validation.best_index]]
    at_best = float(before[-1]) if len(before) else training.start
    fall, spread = at_best - training.end, _spread(training)
    return Continuation(
        fall=fall,
        share=fall / max(training.gained, spread),
        noise=fall / spread,
        learned=(training.start - training.end) / max(spread, training.noise / 5**0.5),
    )


def _climb(levels: FloatArray) -> float:
    half = len(levels) // 2
    return float(np.median(levels[-half:]) - np.median(levels[:half])) if half else 0.0


def _spread(curve: Curve) -> float:
    return max(curve.level_noise, 1e-12 * max(abs(curve.best), 1e-300))
