"""How much of what a model learned is true of data that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuneguard.history import Series
from tuneguard.statistics.curve import Curve

_LATE = 0.9


@dataclass(frozen=True, slots=True)
class Gap:
    """How far the validation loss of the end lies above the training loss.

    Attributes:
        share: That, as a share of what training gained over knowing nothing; 0 where it gained
            nothing.
        noise: That, in standard deviations of both levels together.
        gained: What training gained, in standard deviations.
        closing: How far validation came down in the second half of the run, as a share of the
            gap; where that is much, validation follows late, and the end is no verdict.
        followed: How far validation came down from its first value to its lowest, as a share of
            what training came down from its own. It holds where the two are not of one unit.
    """

    share: float
    noise: float
    gained: float
    closing: float
    followed: float


def generalisation_gap(
    series: Series, training: Curve, validation: Curve, untrained: float, persistence: int = 3
) -> Gap:
    """Measure the gap between training and validation loss at the end of a run.

    A validation loss is a mean over many samples. So must the training loss be: losses of batches
    of few samples are skewed, and their medians, which levels are, lie far below their mean.

    A gap that is large is one definition of overfitting: Goodfellow, Bengio & Courville (2016),
    Deep Learning, section 5.2. Neither loss need turn round for it.

    Args:
        series: The training loss.
        training: Its course.
        validation: The course of the validation loss, in the same unit.
        untrained: The loss of a model that knows nothing.
        persistence: How many last levels of validation the gap must hold in: the lowest counts.

    >>> from tuneguard.history import Series
    >>> from tuneguard.statistics.curve import course
    >>> steps = np.arange(20.0)
    >>> series = Series.from_arrays("loss", steps, 1.0 - steps / 20.0)
    >>> training = course(series)
    >>> validation = course(Series.from_arrays("val_loss", steps, 1.0 - steps / 40.0))
    >>> round(generalisation_gap(series, training, validation, 1.0).share, 1)
    0.5
    """
    end, of_end = _late_mean(series, training)
    gained, fell = untrained - end, training.start - end
    apart = float(validation.levels[-persistence:].min()) - end
    least = 1e-12 * max(abs(training.start), 1e-300)
    spread = max(float(np.hypot(of_end, validation.level_noise)), least)
    own = max(training.gain_noise, training.level_noise, least)
    return Gap(
        share=apart / gained if gained > 0.0 else 0.0,
        noise=apart / spread,
        gained=gained / own,
        closing=_fall_of_second_half(validation) / apart if apart > 0.0 else np.inf,
        followed=validation.gained / fell if fell > 0.0 else np.inf,
    )


def _fall_of_second_half(curve: Curve) -> float:
    half = curve.after(0.5)
    third = max(1, len(half) // 3)
    return float(np.median(half[:third]) - np.median(half[-third:])) if len(half) else 0.0


def _late_mean(series: Series, curve: Curve) -> tuple[float, float]:
    """Return the mean of the last tenth, or the last level where it is higher, and its noise."""
    late = series.where(series.positions >= _LATE).finite().values
    if len(late) <= 1:
        return curve.end, curve.level_noise
    noise = float(late.std(ddof=1)) / len(late) ** 0.5
    return max(float(late.mean()), curve.end), max(noise, curve.level_noise)
