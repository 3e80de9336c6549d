"""At which steps the costlier measurements are taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which optimizer steps are measured, and how closely.

    Updates are sampled at every one of the first steps, where initialisation shows, later in
    pairs of consecutive steps, so that neighbours can be compared.

    Attributes:
        dense_steps: How many steps at the start have every measurement.
        pair_every: Distance between two pairs later on, in steps.
    """

    dense_steps: int = 200
    pair_every: int = 10

    def takes_gradient(self, step: int) -> bool:
        """Whether the gradient norms of `step` are measured."""
        return step >= 0

    def takes_update(self, step: int) -> bool:
        """Whether the update of `step` is sampled.

        >>> [step for step in range(200, 222) if Schedule().takes_update(step)]
        [200, 201, 210, 211, 220, 221]
        """
        return step < self.dense_steps or step % self.pair_every < 2
