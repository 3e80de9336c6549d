"""Statistics of units and inputs on their way to the host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tuneguard import keys
from tuneguard.recording.device_copy import Floats

_MOST_ROWS = 32
_MOST_NUMBERS = 8192


@dataclass(frozen=True, slots=True, eq=False)
class SilentUnits:
    """How active the units of some layers were.

    Attributes:
        keys: Metric key of each layer's share of silent units.
        sizes: Units of each layer.
        activity: Shape `(sum of sizes,)`: zero where a unit was silent.
    """

    keys: tuple[str, ...]
    sizes: tuple[int, ...]
    activity: torch.Tensor

    @property
    def tensor(self) -> torch.Tensor:
        """What has to come to the host."""
        return self.activity

    def shares(self, fetched: Floats) -> Iterable[tuple[str, float]]:
        """Return the share of silent units of each layer."""
        layers = np.split(fetched == 0, np.cumsum(self.sizes)[:-1])
        return zip(self.keys, (float(np.mean(layer)) for layer in layers), strict=True)


@dataclass(frozen=True, slots=True, eq=False)
class SaturatedOutputs:
    """How many outputs of a layer were saturated.

    Attributes:
        key: Metric key of their share.
        count: Scalar.
        total: Outputs that were looked at.
    """

    key: str
    count: torch.Tensor
    total: int

    @property
    def tensor(self) -> torch.Tensor:
        """What has to come to the host."""
        return self.count

    def shares(self, fetched: Floats) -> Iterable[tuple[str, float]]:
        """Return the share of saturated outputs."""
        return [(self.key, float(fetched[0]) / self.total)]


@dataclass(frozen=True, slots=True, eq=False)
class InputScale:
    """How large the numbers are that the model was given.

    Attributes:
        moments: Shape `(2,)`: mean and standard deviation of some of them.
    """

    moments: torch.Tensor

    @classmethod
    def of(cls, given: torch.Tensor) -> InputScale | None:
        """Measure a few thousand numbers of a batch; `None` where it holds no real numbers."""
        is_plain = type(given) is torch.Tensor and given.layout is torch.strided
        if not is_plain or not given.is_floating_point() or given.ndim < 2 or not given.numel():
            return None
        with torch.no_grad():
            numbers = given.detach()[:_MOST_ROWS].flatten()
            numbers = numbers[:: 1 + numbers.numel() // _MOST_NUMBERS].float()
            numbers = numbers.nan_to_num(0.0, 0.0, 0.0)
            deviation, mean = torch.std_mean(numbers, correction=0)
            return cls(torch.stack([mean, deviation]))

    @property
    def tensor(self) -> torch.Tensor:
        """What has to come to the host."""
        return self.moments

    def shares(self, fetched: Floats) -> Iterable[tuple[str, float]]:
        """Return the mean and the standard deviation."""
        return zip((keys.INPUT_MEAN, keys.INPUT_DEVIATION), fetched.tolist(), strict=True)


@dataclass(frozen=True, slots=True, eq=False)
class UnitSample:
    """What one sampled step tells of the units.

    Attributes:
        parts: Each with a tensor that may still be on the device.
    """

    parts: tuple[SilentUnits | SaturatedOutputs | InputScale, ...]

    @property
    def tensors(self) -> list[torch.Tensor]:
        """What has to come to the host, in the order that `values` expects."""
        return [part.tensor for part in self.parts]

    def values(self, fetched: Sequence[Floats]) -> dict[str, float]:
        """Return what was measured, by metric key.

        Args:
            fetched: What became of `tensors` on the host, flat.
        """
        pairs = zip(self.parts, fetched, strict=True)
        return dict(share for part, array in pairs for share in part.shares(array))
