"""A share of trainings, and how far it may lie from the one behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.error_rates.rows import Row
from tuneguard.statistics.proportions import wilson_interval

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the trainings of each program had a property.

    Attributes:
        hits: By program, how many had it.
        trials: By program, how many there were.
    """

    hits: Mapping[str, int]
    trials: Mapping[str, int]

    @classmethod
    def of(cls, rows: Iterable[Row], holds: Callable[[Row], bool]) -> Share:
        """Count the rows that have a property."""
        hits: Counter[str] = Counter()
        trials: Counter[str] = Counter()
        for row in rows:
            trials[row.spec.program] += 1
            hits[row.spec.program] += holds(row)
        return cls(dict(hits), dict(trials))

    @property
    def hit(self) -> int:
        """How many had the property."""
        return sum(self.hits.values())

    @property
    def tried(self) -> int:
        """How many there were."""
        return sum(self.trials.values())

    @property
    def value(self) -> float:
        """The share; NaN where there were none."""
        return self.hit / self.tried if self.tried else float("nan")

    def wilson(self) -> tuple[float, float]:
        """Return the 95 % score interval, which takes the trainings for independent."""
        return wilson_interval(self.hit, self.tried)

    def over_programs(self) -> tuple[float, float]:
        """Return the 95 % bootstrap interval over programs (Efron and Tibshirani 1993, ch. 13).

        Trainings of one program resemble each other: drawn again are the programs, each with all
        its trainings, so that the interval says how other programs might fare. The draws are the
        same each time.
        """
        programs = sorted(self.trials)
        if len(programs) < 2:
            return 0.0, 1.0
        drawn = np.random.default_rng(0).integers(len(programs), size=(RESAMPLES, len(programs)))
        hits = np.array([self.hits[one] for one in programs])[drawn].sum(axis=1)
        trials = np.array([self.trials[one] for one in programs])[drawn].sum(axis=1)
        low, high = np.percentile(hits / trials, [2.5, 97.5])
        return float(low), float(high)
