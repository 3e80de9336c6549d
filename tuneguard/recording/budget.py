"""What recording costs, measured, and the stride that keeps it within bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tuneguard.recording.schedule import LONGEST_STRIDE

TIMED_EVERY = 64
DENSE_SECONDS = 0.5
_SHORTEST_WINDOW = 1.0
_LASTING = 20.0
_MOST_OF_ALL = 2.0
_LEAST = 0.25
_SETTLED = 0.2
_INTERRUPTED = 3.0


class Background(Protocol):
    """What works beside the loop."""

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds used so far."""


@dataclass(slots=True)
class _Costs:
    """What each of many like things took, in seconds.

    The clock goes on while another program has the core. One that took many times what is usual
    counts as one that took three times as much: on a busy machine there would be few samples else.
    """

    each: list[float] = field(default_factory=list)

    def add(self, seconds: float, begun: int) -> None:
        """Take in what one took, or, where none is `begun`, what the latest took besides."""
        if begun or not self.each:
            self.each.append(seconds)
        else:
            self.each[-1] += seconds

    @property
    def mean(self) -> float:
        """What one takes; 0 where there is none."""
        if not self.each:
            return 0.0
        taken = np.array(self.each)
        return float(np.minimum(taken, _INTERRUPTED * np.median(taken)).mean())


@dataclass(slots=True)
class _Window:
    """What was spent since the last decision."""

    began: float
    background: float
    first_step: int
    plain: _Costs = field(default_factory=_Costs)
    samples: _Costs = field(default_factory=_Costs)


@dataclass(slots=True)
class _Rest:
    """What all but samples takes of the loop's time.

    Deliveries come in lumps, so only long stretches tell; the first one holds what is loaded once.

    Attributes:
        share: Of the latest stretch; 0 while none is known.
    """

    share: float = 0.0
    _seconds: float = 0.0
    _spent: float = 0.0
    _is_later: bool = False

    def add(self, seconds: float, elapsed: float) -> None:
        """Take in what the rest took while some time of the loop `elapsed`."""
        self._seconds += seconds
        self._spent += elapsed
        if self._spent >= _LASTING:
            self.share = self._seconds / self._spent if self._is_later else 0.0
            self._is_later = True
            self._seconds = self._spent = 0.0


class Budget:
    """Holds the cost of samples at a share of the loop's time, and measures that of all the rest.

    Each sample is timed, the cost of a step without one every 64 steps, and the threads beside the
    loop count with all their processor time. Where all of it would take more than twice the
    share, as it does where steps are very short, samples get less: down to a quarter.

    Args:
        share: Of the loop's time, such as 0.01, for samples.
        background: What works beside the loop.
        first_step: The number of the first step.

    Attributes:
        overhead: The share that all of recording took lately.
    """

    def __init__(self, share: float, background: Background, first_step: int = 0) -> None:
        self.overhead = 0.0
        self._share = share
        self._background = background
        self._window = _Window(0.0, background.cpu_seconds, first_step)
        self._rest = _Rest()
        self._sampling = 0.0

    def plain(self, seconds: float, steps: int = 1) -> None:
        """Take in what recording cost at (a part of) `steps` without a sample."""
        self._window.plain.add(seconds, steps)

    def sampling(self, seconds: float, samples: int = 0) -> None:
        """Take in what (a part of) `samples` cost the loop."""
        self._sampling += seconds
        self._window.samples.add(seconds, samples)

    @property
    def is_dense_start_paid(self) -> bool:
        """Whether so much was spent on samples that the dense start has to end."""
        return self._sampling > DENSE_SECONDS

    def next_stride(self, stride: int, step: int, spent: float) -> int | None:
        """Choose a stride by what was spent since the last choice.

        Args:
            stride: The stride at present.
            step: The number of the next step.
            spent: Seconds that the loop spent on steps so far, ours included.

        Returns:
            The stride from now on, or `None` while there is too little to go by.
        """
        window = self._window
        elapsed, steps = spent - window.began, step - window.first_step
        if elapsed < _SHORTEST_WINDOW or not steps:
            return None
        background = self._background.cpu_seconds
        sampling = window.samples.mean * len(window.samples.each)
        own = window.plain.mean * steps + sampling + background - window.background
        self.overhead = own / elapsed
        self._rest.add(own - sampling, elapsed)
        self._window = _Window(spent, background, step)
        if not window.samples.each:
            return stride
        pair = 2.0 * window.samples.mean
        bare = max(elapsed - own, 0.5 * elapsed) / steps
        return _settled(stride, pair / (self._left_for_samples() * bare))

    def _left_for_samples(self) -> float:
        """The share of the loop's time that samples may take now."""
        left = _MOST_OF_ALL * self._share - self._rest.share
        return min(self._share, max(left, _LEAST * self._share))


def _settled(stride: int, wanted: float) -> int:
    """Keep a stride that is about right, and change another by a factor of 2 at most.

    >>> _settled(20, 22.0), _settled(20, 90.0), _settled(20, 1.2)
    (20, 40, 10)
    """
    if abs(wanted - stride) <= _SETTLED * stride:
        return stride
    bounded = min(max(wanted, stride / 2.0), 2.0 * stride)
    return int(min(max(round(bounded), 1), LONGEST_STRIDE))
