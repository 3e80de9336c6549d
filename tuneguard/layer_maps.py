"""Every layer over the course of a run: what a heat map shows of hundreds of series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.findings import Finding, LayerExtreme, LayerMap
from tuneguard.history import RunHistory, Series
from tuneguard.pictures import axis_word, marks_of
from tuneguard.statistics.weighted import weighted_percentile

FloatArray = NDArray[np.float64]

MAX_LAYERS: Final = 24
MAX_BLOCKS: Final = 60

_QUANTITIES: Final = (keys.GRADIENT_NORM, keys.UPDATE_RATIO)
_MIN_LAYERS: Final = 2
_USUAL_PERCENT: Final = 50.0
_NEAR: Final = 2
_BLOCKS_TO_COMPARE: Final = 4
_LARGEST_LOG: Final = 700.0


def layer_maps(history: RunHistory, findings: Sequence[Finding] = ()) -> tuple[LayerMap, ...]:
    """Return a map of each quantity that at least two layers of the run have.

    Args:
        history: What happened in the run.
        findings: Causes, most likely first; their first steps are marked.
    """
    maps = []
    for quantity in _QUANTITIES:
        layers = {name: one for name, one in history.of_layers(quantity).items() if len(one)}
        axes = {one.axis for one in layers.values()}
        if len(layers) >= _MIN_LAYERS and len(axes) == 1:
            maps.append(_map(quantity, layers, findings))
    return tuple(maps)


def _map(quantity: str, layers: Mapping[str, Series], findings: Sequence[Finding]) -> LayerMap:
    axis = axis_word(next(iter(layers.values())))
    table = _Table.of(layers)
    extremes = tuple(table.extremes())
    shown = _shown(table.names, {one.layer for one in extremes})
    return LayerMap(
        quantity=quantity,
        layers=tuple(table.names[row] for row in shown),
        edges=tuple(map(_short, table.edges)),
        values=tuple(table.cells(row) for row in shown),
        layer_count=len(table.names),
        extremes=extremes,
        marks=marks_of(findings, axis),
        axis=axis,
    )


@dataclass(frozen=True, eq=False)
class _Table:
    """Blocks of time of all layers.

    Attributes:
        names: Of the layers, shape `(layers,)`.
        edges: Shape `(blocks + 1,)`.
        values: Shape `(layers, blocks)`; not finite where any value of the block was not.
        steps: Shape `(layers, blocks, 2)`: first and last measured step, NaN where there is none.
    """

    names: tuple[str, ...]
    edges: FloatArray
    values: FloatArray
    steps: FloatArray

    @classmethod
    def of(cls, layers: Mapping[str, Series]) -> _Table:
        edges = _edges(list(layers.values()))
        values = np.full((len(layers), len(edges) - 1), np.nan)
        steps = np.full((*values.shape, 2), np.nan)
        for rows, group in _measured_together(layers.values()):
            bounds = np.searchsorted(group[0].steps, edges)
            for block in np.flatnonzero(np.diff(bounds)):
                start, stop = bounds[block], bounds[block + 1]
                part = np.stack([series.values[start:stop] for series in group])
                values[rows, block] = _levels(part)
                steps[rows, block] = group[0].steps[[start, stop - 1]]
            for hole, near in _neighbours(np.diff(bounds) > 0):
                values[rows, hole], steps[rows, hole] = values[rows, near], steps[rows, near]
        return cls(tuple(layers), edges, values, steps)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Shape `(layers, blocks)`: where there was any value."""
        return np.isfinite(self.steps[:, :, 0])

    def cells(self, row: int) -> tuple[float | None, ...]:
        """Return the values of a layer, `None` where there is none."""
        pairs = zip(self.values[row], self.measured[row], strict=True)
        return tuple(_short(value) if is_measured else None for value, is_measured in pairs)

    def extremes(self) -> Iterator[LayerExtreme]:
        """Say which layers stand out, and when."""
        finite = self.measured & np.isfinite(self.values)
        positive = finite & (self.values > 0)
        if positive.any():
            yield self._at("highest", int(np.where(positive, self.values, 0).argmax()))
            lowest = np.where(positive, self.values, np.inf).argmin()
            yield self._at("lowest above 0", int(lowest))
        yield from self._changes(positive)
        silent = finite & ~positive
        if silent.any():
            often = silent & (silent.sum(axis=1) == silent.sum(axis=1).max())[:, np.newaxis]
            yield self._at("most often 0", int(often.argmax()))
        strange = self.measured & ~finite
        if strange.any():
            began = np.where(strange, self.steps[:, :, 0], np.inf).argmin()
            word = "first NaN" if np.isnan(self.values.flat[began]) else "first infinity"
            yield self._at(word, int(began))

    def _changes(self, positive: NDArray[np.bool_]) -> Iterator[LayerExtreme]:
        """Find the layers that rose and fell most from their first block to their last."""
        rows = np.flatnonzero(positive.sum(axis=1) >= _BLOCKS_TO_COMPARE)
        if not len(rows):
            return
        first = positive[rows].argmax(axis=1)
        last = positive.shape[1] - 1 - positive[rows, ::-1].argmax(axis=1)
        changes = np.log(self.values[rows, last]) - np.log(self.values[rows, first])
        rose, fell = int(changes.argmax()), int(changes.argmin())
        found = [("rose most", rose)] if changes[rose] > 0 else []
        found += [("fell most", fell)] if changes[fell] < 0 else []
        for word, at in found:
            row = rows[at]
            steps = float(self.steps[row, first[at], 0]), float(self.steps[row, last[at], 1])
            ratio = math.exp(min(changes[at], _LARGEST_LOG))
            yield LayerExtreme(
                f"{word}, last block over first", self.names[row], steps, _short(ratio)
            )

    def _at(self, word: str, cell: int) -> LayerExtreme:
        row, block = divmod(cell, self.values.shape[1])
        first, last = self.steps[row, block].tolist()
        return LayerExtreme(word, self.names[row], (first, last), _short(self.values[row, block]))


def _edges(layers: Sequence[Series]) -> FloatArray:
    """Part the run evenly, in blocks so long that most hold a value."""
    first = min(float(series.steps[0]) for series in layers)
    last = max(float(series.steps[-1]) for series in layers)
    densest = max(layers, key=len)
    gaps = np.diff(densest.steps)
    usual = weighted_percentile(gaps, gaps, _USUAL_PERCENT) if len(gaps) else 1.0
    blocks = int(np.clip((last - first + usual) // usual, 1, MAX_BLOCKS))
    return np.linspace(first, last + min(usual, 1.0), blocks + 1)


def _measured_together(layers: Iterable[Series]) -> list[tuple[list[int], list[Series]]]:
    """Group series that were measured at the same steps, which is most of them; with rows."""
    groups: dict[bytes, tuple[list[int], list[Series]]] = {}
    for row, series in enumerate(layers):
        rows, group = groups.setdefault(series.steps.tobytes(), ([], []))
        rows.append(row)
        group.append(series)
    return list(groups.values())


def _neighbours(is_measured: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the few blocks that samples happened to miss, each with the nearest that holds one.

    Args:
        is_measured: Shape `(blocks,)`.
    """
    full = np.flatnonzero(is_measured)
    missed = [int(block) for block in np.flatnonzero(~is_measured) if full[0] < block < full[-1]]
    nearest = [(block, int(full[np.abs(full - block).argmin()])) for block in missed]
    return [(block, near) for block, near in nearest if abs(block - near) <= _NEAR]


def _levels(values: FloatArray) -> FloatArray:
    """Return of each row of shape `(n,)` the median, or the first value that is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        medians: FloatArray = np.median(values, axis=1)
    is_strange = ~np.isfinite(values)
    first = np.take_along_axis(values, is_strange.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    return np.where(is_strange.any(axis=1), first, medians)


def _shown(names: Sequence[str], wanted: set[str]) -> list[int]:
    """Choose the rows of a map: the ends, those that stand out, and others evenly between."""
    count = len(names)
    if count <= MAX_LAYERS:
        return list(range(count))
    rows = {row for row, name in enumerate(names) if name in wanted}
    rows |= set(np.linspace(0, count - 1, MAX_LAYERS - len(rows)).astype(int).tolist())
    return sorted(rows)


def _short(value: float) -> float:
    """Round to the digits that a picture can show: a document of thousands stays small."""
    return float(f"{value:.4g}")
