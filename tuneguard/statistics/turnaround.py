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
_SLACK = 0.02  # of its range, that a training loss which goes on may end higher


@dataclass(frozen=True, slots=True)
class Turnaround:
    """The rise of a series from its best to its end.

    Attributes:
        share: The rise as a share of a range; 0 where there is none.
        is_of_own_range: Whether that is the range that the series itself came down.
        noise: The rise in standard deviations of a level; 0 where nothing rose. Where noise
            remembers its past, that deviation is taken from the largest rise that went back.
        is_lasting: Whether the last levels all stayed above two fifths of the rise.
        has_improved: Whether its best was below its start by more than noise.
    """

    share: float
    is_of_own_range: bool
    noise: float
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
        persistence: How many last levels must have stayed up.

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
    tail = curve.levels[-persistence:]
    after_best = len(curve.levels) - 1 - curve.best_index
    return Turnaround(
        share=curve.lost / scale if scale > 0.0 else 0.0,
        is_of_own_range=is_own,
        noise=max(curve.lost, 0.0) / max(_spread(curve), taken_back(curve.levels) / _EXCURSION),
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


def goes_on(training: Curve, validation: Curve, min_gain: float) -> bool:
    """Whether training learned, and did not itself turn round when validation did.

    Args:
        training: The course of the training loss.
        validation: The course of what may have turned round.
        min_gain: How far training must have come down, in standard deviations of its first
            values.
    """
    fall = training.start - training.end
    if fall <= 0.0 or fall < min_gain * max(training.level_noise, training.noise / 5**0.5):
        return False
    before = training.levels[training.positions <= validation.positions[validation.best_index]]
    at_best = float(before[-1]) if len(before) else training.start
    slack = max(3.0 * training.level_noise, _SLACK * training.gained)
    return training.end <= at_best + slack


def _spread(curve: Curve) -> float:
    return max(curve.level_noise, 1e-12 * max(abs(curve.best), 1e-300))
