"""Scale of a heat map: which value gets which colour, and which values get a sign instead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

import numpy as np

from tuneguard.findings import LayerMap

LEVELS: Final = 20

_NARROWEST: Final = 0.5  # of a power of ten: noise must not look like a landscape
_USUAL_PERCENTS: Final = (1.0, 99.0)
_POWERS: Final = (-150.0, 150.0)  # as far as an axis reaches

Sign = Literal["not finite", "0 or less", "not measured"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks of one layer, next to each other, that look the same.

    Attributes:
        row: Which layer, from the top.
        first: The first block.
        stop: The block after the last.
        look: A level of the scale, from 0 on, or the sign of what has no level.
    """

    row: int
    first: int
    stop: int
    look: int | Sign


@dataclass(frozen=True, slots=True)
class ColorScale:
    """A logarithmic scale of colours: what lies beyond an end looks like the end.

    Attributes:
        low: Power of ten at which the first colour begins.
        high: Power of ten at which the last colour ends.
    """

    low: float
    high: float

    @classmethod
    def of(cls, layer_map: LayerMap) -> ColorScale | None:
        """Return the scale on which nearly all values of a map lie, or `None` without any."""
        cells = (value for row in layer_map.values for value in row)
        powers = [math.log10(one) for one in cells if one is not None and _sign(one) is None]
        if not powers:
            return None
        low, high = np.clip(np.percentile(powers, _USUAL_PERCENTS), *_POWERS).tolist()
        slack = max(0.0, _NARROWEST - (high - low)) / 2
        return cls(low - slack, high + slack)

    def level(self, value: float) -> int:
        """Return which of the `LEVELS` colours a positive value has."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return min(LEVELS - 1, max(0, math.floor(share * LEVELS)))

    @property
    def ends(self) -> tuple[float, float]:
        """Between which values colours differ."""
        return 10.0**self.low, 10.0**self.high


def stretches(layer_map: LayerMap, scale: ColorScale | None) -> list[Stretch]:
    """Return what a map shows, the blocks that look the same put together."""
    return [
        stretch
        for row, values in enumerate(layer_map.values)
        for stretch in _of_row(row, [_look(value, scale) for value in values])
    ]


def _of_row(row: int, looks: Sequence[int | Sign]) -> Iterable[Stretch]:
    start = 0
    for look, group in groupby(looks):
        stop = start + len(list(group))
        yield Stretch(row, start, stop, look)
        start = stop


def _look(value: float | None, scale: ColorScale | None) -> int | Sign:
    sign = _sign(value)
    if sign is None and scale is not None and value is not None:
        return scale.level(value)
    return sign or "not measured"


def _sign(value: float | None) -> Sign | None:
    if value is None:
        return "not measured"
    if not math.isfinite(value):
        return "not finite"
    return None if value > 0 else "0 or less"
