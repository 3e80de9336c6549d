"""At which steps the costlier measurements are taken."""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum

DENSE_STEPS = 200
LONGEST_STRIDE = 400
_FIRST_STRIDE = 20
_UNITS_EVERY = 4
_DENSE_UNITS_EVERY = 16


class Look(Enum):
    """How closely a step is looked at."""

    NOT = "loss, learning rate and times only"
    LEAD_IN = "the weights before it, too: a pair follows"
    SAMPLE = "gradients and update, too"


class Schedule:
    """Which optimizer steps are looked at closely.

    Every one of the first steps is, where initialisation shows; later two consecutive steps of
    each stride are, so that neighbours can be compared. The place of the pair within its stride
    varies, lest it falls on the same batch of every epoch. All of it follows from the step's
    number and the strides, so that recorders with the same strides look at the same steps.

    Args:
        dense_steps: How many steps at the start are looked at, every one.
        stride: Steps from pair to pair; below 3, every step is looked at.

    Attributes:
        quiet_until: The steps before this one need not be asked for: as the last one that was.
    """

    def __init__(self, dense_steps: int = DENSE_STEPS, stride: int = _FIRST_STRIDE) -> None:
        self._dense_until = dense_steps
        self._changes = [(0, stride)]
        self._burst_until = 0
        self.quiet_until = 0

    @property
    def stride(self) -> int:
        """The stride that was chosen last."""
        return self._changes[-1][1]

    def revise(self, stride: int, from_step: int) -> None:
        """Have another stride from a step on that has not begun yet."""
        if stride != self.stride:
            self._changes.append((from_step, stride))

    def end_dense_start(self, from_step: int) -> None:
        """Look at pairs only from a step on: the dense start has cost enough."""
        self._dense_until = min(self._dense_until, from_step)

    def burst(self, until_step: int) -> None:
        """Look at every step up to one that is yet to come."""
        self._burst_until = max(self._burst_until, until_step)
        self.quiet_until = 0

    def look(self, step: int) -> Look:
        """Say how closely `step` is looked at.

        >>> schedule = Schedule(dense_steps=2, stride=6)
        >>> [step for step in range(20) if schedule.look(step) is Look.SAMPLE]
        [0, 1, 2, 9, 10, 13, 14]
        """
        if step < self._dense_until or step < self._burst_until:
            return Look.SAMPLE
        stride = self._stride_at(step)
        if stride < 3:
            return Look.SAMPLE
        cell, place = divmod(step, stride)
        after = place - _first_of_pair(cell, stride)
        if after in {0, 1}:
            return Look.SAMPLE
        if after == -1:
            return Look.LEAD_IN
        # up to the lead-in, or to the end of the stride
        self.quiet_until = step - after - 1 if after < 0 else (cell + 1) * stride
        return Look.NOT

    def looks_at_units(self, step: int) -> bool:
        """Whether the units' activations of `step` are looked at."""
        if step < self._dense_until or step < self._burst_until:
            return step % _DENSE_UNITS_EVERY == 0
        stride = self._stride_at(step)
        if stride < 3:
            return step % _UNITS_EVERY == 0
        cell, place = divmod(step, stride)
        return cell % _UNITS_EVERY == 0 and place == _first_of_pair(cell, stride)

    def _stride_at(self, step: int) -> int:
        return self._changes[max(bisect_right(self._changes, (step, LONGEST_STRIDE)) - 1, 0)][1]


def _first_of_pair(cell: int, stride: int) -> int:
    """Return where in its stride a pair begins, from 1 to `stride` - 2.

    Multiples of the golden ratio spread evenly, whatever the stride.
    """
    scattered = (cell * 0x9E3779B1) & 0xFFFFFFFF
    return 1 + scattered * (stride - 2) // (1 << 32)
