"""How much of what a model learned is true of data that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuneguard.statistics.curve import Curve


@dataclass(frozen=True, slots=True)
class Gap:
    """How far the validation loss of the end lies above the training loss.

    Attributes:
        share: That, as a share of what training gained over knowing nothing; 0 where it gained
            nothing.
        noise: That, in standard deviations of both levels together.
        gained: What training gained, in standard deviations.
    """

    share: float
    noise: float
    gained: float


def generalisation_gap(
    training: Curve, validation: Curve, untrained: float, persistence: int = 3
) -> Gap:
    """Measure the gap between training and validation loss at the end of a run.

    A gap that is large is one definition of overfitting: Goodfellow, Bengio & Courville (2016),
    Deep Learning, section 5.2. Neither loss need turn round for it.

    Args:
        training: The course of the training loss.
        validation: The course of the validation loss, in the same unit.
        untrained: The loss of a model that knows nothing.
        persistence: How many last levels of validation the gap must hold in: the lowest counts.

    >>> from tuneguard.history import Series
    >>> from tuneguard.statistics.curve import course
    >>> steps = np.arange(20.0)
    >>> training = course(Series.from_arrays("loss", steps, 1.0 - steps / 20.0))
    >>> validation = course(Series.from_arrays("val_loss", steps, 1.0 - steps / 40.0))
    >>> round(generalisation_gap(training, validation, 1.0).share, 1)
    0.5
    """
    gained = min(training.start, untrained) - training.end
    apart = float(validation.levels[-persistence:].min()) - training.end
    least = 1e-12 * max(abs(training.start), 1e-300)
    spread = max(float(np.hypot(training.level_noise, validation.level_noise)), least)
    return Gap(
        share=apart / gained if gained > 0.0 else 0.0,
        noise=apart / spread,
        gained=gained / max(training.gain_noise, training.level_noise, least),
    )
