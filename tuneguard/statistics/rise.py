"""A validation series that turned round, held against the training loss of the same run."""

from __future__ import annotations

from dataclasses import dataclass

from tuneguard.statistics.splits import MeasuredCourse
from tuneguard.statistics.turnaround import Continuation, Turnaround, continuation, turnaround


@dataclass(frozen=True, slots=True)
class RiseLimits:
    """From where on a rise of validation counts.

    Attributes:
        share: Least rise, of the range that the series itself came down.
        share_of_training: Least rise, of the range of the training loss, where the series hardly
            came down.
        noise: Least rise in standard deviations of its noise.
        gain: What training must have gained, in standard deviations.
        fall: Least fall of training since the best, of its range.
        long_fall: The same where the gap between the two is to confirm the rise.
        climb: How much of that fall validation must have climbed to confirm it.
        if_confirmed: Share of the limits that is enough for a rise that is confirmed.
        persistence: How many last levels must have stayed up.
    """

    share: float
    share_of_training: float
    noise: float
    gain: float
    fall: float
    long_fall: float
    climb: float
    if_confirmed: float
    persistence: int


@dataclass(frozen=True, slots=True)
class Rise:
    """A validation series, how far it turned round, and how training went on meanwhile.

    Attributes:
        measured: The series.
        turn: How far it turned round.
        went_on: How training went on since its best.
        noise: How far it turned round, in standard deviations.
        is_confirmed: Whether a gap to training opened that by itself speaks of overfitting.
        limits: From where on it counts.
    """

    measured: MeasuredCourse
    turn: Turnaround
    went_on: Continuation
    noise: float
    is_confirmed: bool
    limits: RiseLimits

    @property
    def least_share(self) -> float:
        """The limit that `turn.share` is held to."""
        is_own = self.turn.is_of_own_range
        limit = self.limits.share if is_own else self.limits.share_of_training
        return self._enough * limit

    @property
    def least_noise(self) -> float:
        """The limit that `noise` is held to."""
        return self._enough * self.limits.noise

    @property
    def goes_on(self) -> bool:
        """Whether training learned, and went on to do so after validation was best."""
        return self.went_on.is_clear(self.limits.gain, self.limits.fall)

    @property
    def is_far(self) -> bool:
        """Whether it rose far enough, beyond noise, for good, while training went on."""
        is_beyond = self.turn.share >= self.least_share and self.noise >= self.least_noise
        return is_beyond and self.turn.is_lasting and self.goes_on

    @property
    def is_near(self) -> bool:
        """Whether it rose as far as would do if it were confirmed, lasting or not."""
        enough = self.limits.if_confirmed / self._enough
        return (
            self.turn.share >= enough * self.least_share
            and self.noise >= enough * self.least_noise
            and self.goes_on
        )

    @property
    def _enough(self) -> float:
        return self.limits.if_confirmed if self.is_confirmed else 1.0


def rise_of(training: MeasuredCourse, measured: MeasuredCourse, limits: RiseLimits) -> Rise:
    """Measure how far a validation series turned round while training went on.

    Args:
        training: The training loss.
        measured: The validation loss, in the same unit, or a validation metric in its own.
        limits: From where on the rise counts.
    """
    is_loss = measured.name == "loss"
    gain = training.curve.gained if is_loss else 0.0
    turn = turnaround(measured.curve, gain, limits.persistence)
    went_on = continuation(training.curve, measured.curve)
    opens = went_on.confirms(turn.climb, limits.long_fall, limits.climb)
    return Rise(measured, turn, went_on, turn.noise, is_loss and opens, limits)
