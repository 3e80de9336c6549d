"""What can be told of a unit's state from the output of an activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

LARGEST_SAMPLE = 2**20
LARGEST_COPY = 2**18
LARGEST_WIDTH = 4096
FLAT_SHARE = 0.97
PEAKED_ROW = 0.99

_FIRING: dict[type[nn.Module], bool] = {nn.ReLU: False, nn.ReLU6: False, nn.Hardswish: True}
"""Activations with a flat end at zero, and whether they also have negative outputs."""


@dataclass(frozen=True, slots=True)
class Firing:
    """Activations of which a unit is silent where its output is zero.

    Attributes:
        is_signed: Whether outputs may be negative.
    """

    is_signed: bool

    def activity(self, output: torch.Tensor, unit_axis: int) -> tuple[torch.Tensor, int]:
        """Return each unit's largest output, and how many outputs of a unit were looked at.

        Args:
            output: Of any shape; at most about a million elements of it are looked at.
            unit_axis: Which axis the units are on.

        Returns:
            A tensor of shape `(units,)`, zero where a unit did not fire, and the count.
        """
        largest = LARGEST_COPY if self.is_signed else LARGEST_SAMPLE
        kept = bounded(_fewer_units(output, unit_axis), unit_axis, largest)
        if self.is_signed:
            kept = kept.abs()
        others = [axis for axis in range(kept.ndim) if axis != unit_axis]
        activity = kept.amax(others) if others else kept.clone()
        return activity, kept.numel() // max(1, kept.shape[unit_axis])


@dataclass(frozen=True, slots=True)
class Saturating:
    """Activations with a flat end, on both sides of `centre`, at `reach` and beyond.

    An output counts as saturated where the slope is below 6 % of the steepest: for tanh this is
    the usual |y| > 0.97, for the logistic function, which is a stretched tanh, y < 0.015 or
    y > 0.985.

    Attributes:
        centre: Output in the middle.
        reach: Distance from it beyond which the slope is negligible.
    """

    centre: float
    reach: float

    def count(self, output: torch.Tensor, unit_axis: int) -> tuple[torch.Tensor, int]:
        """Return how many outputs are saturated, as a scalar, and how many were looked at."""
        kept = bounded(output, unit_axis, LARGEST_COPY)
        distance = (kept - self.centre).abs_() if self.centre else kept.abs()
        return distance.gt_(self.reach).sum(dtype=torch.float32), kept.numel()


@dataclass(frozen=True, slots=True)
class Peaking:
    """Softmax and its like, saturated where one entry of a row has nearly all of the weight.

    Attributes:
        axis: What sums to one.
    """

    axis: int

    def count(self, output: torch.Tensor, unit_axis: int) -> tuple[torch.Tensor, int]:  # noqa: ARG002 - rows lie where the module says
        """Return how many rows are saturated, as a scalar, and how many were looked at."""
        axis = self.axis % output.ndim
        if output.shape[axis] < 2:
            return output.new_zeros((), dtype=torch.float32), 0
        largest = bounded(output, axis, LARGEST_SAMPLE).amax(axis)
        return largest.gt(PEAKED_ROW).sum(dtype=torch.float32), largest.numel()


Measure = Firing | Saturating | Peaking


def measure_of(module: nn.Module) -> Measure | None:
    """Return what can be measured of a module's output, if it is such an activation.

    Dead is a unit whose slope is exactly zero for a whole batch, as only ReLU, ReLU6 and
    Hardswish can have it. LeakyReLU, PReLU, ELU, Softplus, GELU, SiLU and Mish pass a gradient
    on wherever they are: nothing is measured of them.

    >>> measure_of(nn.Tanh()), measure_of(nn.GELU())
    (Saturating(centre=0.0, reach=0.97), None)
    """
    for kind in type(module).__mro__:
        if kind in _FIRING:
            return Firing(_FIRING[kind])
        if kind in _SHAPES:
            return _SHAPES[kind](module)
    return None


def bounded(output: torch.Tensor, unit_axis: int, largest: int) -> torch.Tensor:
    """Return the part of an output that is looked at: a view of about `largest` elements.

    The first samples of the batch; of a single sample that is too large still, each `k`-th
    position. The axis of the units stays whole.
    """
    kept = output
    if unit_axis > 0 and kept.numel() > largest:
        kept = kept[: max(1, largest * len(kept) // kept.numel())]
    for axis in _longest_first(kept, unit_axis):
        if kept.numel() <= largest:
            break
        rest = max(1, kept.numel() // kept.shape[axis])
        kept = _thinned(kept, axis, max(1, largest // rest))
    return kept


def _fewer_units(output: torch.Tensor, unit_axis: int) -> torch.Tensor:
    is_wide = output.shape[unit_axis] > LARGEST_WIDTH
    return _thinned(output, unit_axis, LARGEST_WIDTH) if is_wide else output


def _longest_first(tensor: torch.Tensor, unit_axis: int) -> Iterator[int]:
    positions = [axis for axis in range(tensor.ndim) if axis != unit_axis]
    yield from sorted(positions, key=lambda axis: -tensor.shape[axis])


def _thinned(tensor: torch.Tensor, axis: int, length: int) -> torch.Tensor:
    stride = -(-tensor.shape[axis] // length)
    return tensor[(slice(None),) * axis + (slice(None, None, stride),)]


def _of_hardtanh(module: nn.Module) -> Measure | None:
    low, high = float(getattr(module, "min_val", -1.0)), float(getattr(module, "max_val", 1.0))
    # its slope is 1 up to the very end
    return Saturating((low + high) / 2, (high - low) / 2 * 0.999)


def _of_softmax(module: nn.Module) -> Measure | None:
    axis = getattr(module, "dim", None)
    return Peaking(axis) if isinstance(axis, int) else None


_SHAPES: dict[type[nn.Module], Callable[[nn.Module], Measure | None]] = {
    nn.Tanh: lambda _: Saturating(0.0, FLAT_SHARE),
    nn.Sigmoid: lambda _: Saturating(0.5, FLAT_SHARE / 2),
    # slope (1 - |y|)^2
    nn.Softsign: lambda _: Saturating(0.0, 1 - (1 - FLAT_SHARE**2) ** 0.5),
    nn.Hardtanh: _of_hardtanh,
    nn.Hardsigmoid: lambda _: Saturating(0.5, 0.4995),
    nn.Softmax: _of_softmax,
    nn.Softmin: _of_softmax,
    nn.Softmax2d: lambda _: Peaking(-3),
}
