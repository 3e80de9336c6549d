"""The points of one metric as a tracking store keeps them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from mlflow.entities import Metric
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Written:
    """The points of one metric, in the order in which they were written.

    Attributes:
        steps: Shape `(n,)`.
        values: Shape `(n,)`; NaN and infinity as they were logged.
        timestamps: Shape `(n,)`, in milliseconds since 1970.
        is_sampled: Whether points were left out.
    """

    steps: FloatArray
    values: FloatArray
    timestamps: FloatArray
    is_sampled: bool = False

    @classmethod
    def from_metrics(cls, metrics: Iterable[Metric], *, is_sampled: bool = False) -> Written:
        """Order MLflow's points as they were written, and give them back their infinities.

        MLflow's SQL stores keep an infinity as the largest finite number.
        """
        rows = [(point.timestamp, point.step, point.value) for point in metrics]
        table = np.array(rows, dtype=np.float64).reshape(-1, 3)
        return cls.from_arrays(*table.T, is_sampled=is_sampled)

    @classmethod
    def from_arrays(
        cls,
        timestamps: FloatArray,
        steps: FloatArray,
        values: FloatArray,
        *,
        is_sampled: bool = False,
    ) -> Written:
        """Do the same with arrays of shape `(n,)`."""
        order = np.lexsort((steps, timestamps))
        values = values[order]
        is_beyond = np.abs(values) >= sys.float_info.max
        values = np.where(is_beyond, np.copysign(np.inf, values), values)
        return cls(steps[order], values, timestamps[order], is_sampled)

    def after(self, step: float) -> Written:
        """Return the points of later steps than `step`."""
        later = self.steps > step
        return Written(
            self.steps[later], self.values[later], self.timestamps[later], self.is_sampled
        )
