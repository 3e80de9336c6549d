"""Samples of gradients and updates: taken on the device, read on the writer's thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.layers import Layers
from tuneguard.recording.sketch import Sketch
from tuneguard.recording.successive_steps import MeanRatio, Pair, Vector, noise_of_micro_batches
from tuneguard.recording.unit_sample import UnitSample

Value = tuple[str, float]


@dataclass(slots=True)
class Sample:
    """What was taken at one step, still on the device.

    Attributes:
        step: Optimizer step.
        gradient_of: Positions of the parameters that had a gradient.
        norms: Their norms, of shape `(parameters,)`.
        scale: What the gradients were scaled by: one element, or one a parameter of `norms`.
        gradient: The gradients' sketch, before clipping.
        clipped: The same after clipping, where the gradients were written to in between.
        before: The weights' sketch before the update.
        after: The weights' sketch after it.
        accumulated: The gradients' sketch after each micro-batch but the last.
        units: What is known of the units, where they were looked at.
        sketch: How the sketches were taken.
    """

    step: int
    gradient_of: tuple[int, ...] = ()
    norms: torch.Tensor | None = None
    scale: torch.Tensor | None = None
    gradient: torch.Tensor | None = None
    clipped: torch.Tensor | None = None
    before: torch.Tensor | None = None
    after: torch.Tensor | None = None
    accumulated: list[torch.Tensor] = field(default_factory=list)
    units: UnitSample | None = None
    sketch: Sketch | None = None

    def tensors(self) -> list[torch.Tensor]:
        """Return all tensors, in the order in which `fetched` takes their values."""
        own = [one for one in (*self._fields(), *self.accumulated) if one is not None]
        return own if self.units is None else own + self.units.tensors

    def fetched(self, values: Iterator[Vector]) -> FetchedSample:
        """Return the sample with the next values in place of its tensors."""
        norms, scale, gradient, clipped, before, after = (
            None if one is None else next(values) for one in self._fields()
        )
        accumulated = [next(values) for _ in self.accumulated]
        units = {} if self.units is None else self.units.values(list(values))
        return FetchedSample(
            self.step,
            self.gradient_of,
            norms,
            scale,
            gradient,
            clipped,
            before,
            after,
            accumulated,
            tuple(units.items()),
            self.sketch,
        )

    def _fields(self) -> tuple[torch.Tensor | None, ...]:
        return (self.norms, self.scale, self.gradient, self.clipped, self.before, self.after)


@dataclass(frozen=True, eq=False, slots=True)
class FetchedSample:
    """A `Sample` whose values are on the host; its attributes mean the same."""

    step: int
    gradient_of: tuple[int, ...]
    norms: Vector | None
    scale: Vector | None
    gradient: Vector | None
    clipped: Vector | None
    before: Vector | None
    after: Vector | None
    accumulated: Sequence[Vector]
    units: Sequence[Value] = ()
    sketch: Sketch | None = None


class SampleReader:
    """Turns samples into metric values; remembers the last ones, for a pair may span packets.

    Args:
        layers: What the parameters belong to.
        sketch: How the sketches were taken.
        ranks: How many processes a gradient is averaged over, with the last micro-batch.
        shares: Where parameters are sharded, by what the squares of each one's shard count.
    """

    def __init__(
        self, layers: Layers, sketch: Sketch, ranks: int = 1, shares: Vector | None = None
    ) -> None:
        self._layers = layers
        self._shares = shares
        self._ranks = ranks
        self._read_by(sketch)
        self._noise = MeanRatio()
        self._bend = MeanRatio()
        self._norm_keys = layers.keys(keys.GRADIENT_NORM)
        self._ratio_keys = layers.keys(keys.UPDATE_RATIO)
        self._shard_keys = {
            quantity: [f"{keys.SHARD}{key}" for key in layers.keys(quantity)]
            for quantity in (keys.GRADIENT_NORM, keys.UPDATE_NORM, keys.WEIGHT_NORM)
        }

    def values(self, sample: FetchedSample) -> list[Value]:
        """Return what a sample says, by metric key; samples come in the order of their steps."""
        if sample.sketch is not None and sample.sketch is not self._sketch:
            self._read_by(sample.sketch)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            found = [
                *self._norms(sample),
                *self._update(sample),
                *self._clipping(sample),
                *self._pair(sample),
                *sample.units,
            ]
        self._forget(sample.step)
        return found

    def _read_by(self, sketch: Sketch) -> None:
        """Take sketches as this one takes them; those taken otherwise cannot be compared."""
        self._sketch = sketch
        self._weights = sketch.weights
        self._starts = np.flatnonzero(np.diff(sketch.owners, prepend=-1))
        self._positions = sketch.positions
        self._points: dict[int, Vector] = {}
        self._gradients: dict[int, Vector] = {}

    def _norms(self, sample: FetchedSample) -> Iterator[Value]:
        if sample.norms is None:
            return
        norms = sample.norms if sample.scale is None else sample.norms / sample.scale
        squares = np.square(norms)
        if self._shares is not None:
            yield from self._of_shard(keys.GRADIENT_NORM, squares, sample.gradient_of)
            return
        yield keys.GRADIENT_NORM_GLOBAL, float(np.sqrt(squares.sum()))
        sums, is_there = self._layers.sums(squares, sample.gradient_of)
        roots = np.sqrt(sums)
        for layer in np.flatnonzero(is_there):
            yield self._norm_keys[layer], float(roots[layer])

    def _update(self, sample: FetchedSample) -> Iterator[Value]:
        if sample.before is not None:
            self._points[sample.step] = sample.before
        if sample.after is not None:
            self._points[sample.step + 1] = sample.after
        change, point = self._change(sample.step), self._points.get(sample.step)
        if change is None or point is None:
            return
        changes, sizes = self._by_parameter(change), self._by_parameter(point)
        if self._shares is not None:
            yield from self._of_shard(keys.UPDATE_NORM, changes, self._positions)
            yield from self._of_shard(keys.WEIGHT_NORM, sizes, self._positions)
            return
        total = float(changes.sum())
        yield keys.UPDATE_NORM_GLOBAL, float(np.sqrt(total))
        yield from _ratio(keys.UPDATE_RATIO_GLOBAL, total, float(sizes.sum()))
        of_layers, is_there = self._layers.sums(changes, self._positions)
        whole, _ = self._layers.sums(sizes, self._positions)
        for layer in np.flatnonzero(is_there):
            yield from _ratio(self._ratio_keys[layer], of_layers[layer], whole[layer])

    def _of_shard(
        self, quantity: str, squares: Vector, positions: Sequence[int] | NDArray[np.intp]
    ) -> Iterator[Value]:
        """Norms of this rank's shard: squared and added up over the ranks, they are the whole."""
        if self._shares is not None:
            squares = squares * self._shares[np.asarray(positions, dtype=np.intp)]
        yield f"{keys.SHARD}{quantity}/{keys.GLOBAL}", float(np.sqrt(squares.sum()))
        sums, is_there = self._layers.sums(squares, positions)
        for layer in np.flatnonzero(is_there):
            yield self._shard_keys[quantity][layer], float(np.sqrt(sums[layer]))

    def _clipping(self, sample: FetchedSample) -> Iterator[Value]:
        if sample.gradient is None or sample.clipped is None:
            return
        before = self._unscaled(sample, sample.gradient)
        squares = float(np.dot(before * before, self._weights))
        if not 0.0 < squares < np.inf:
            return
        left = float(np.dot(sample.clipped * sample.clipped, self._weights))
        is_changed = ~np.isclose(sample.clipped, before, rtol=1e-3, atol=0.0)
        yield keys.CLIPPING_FACTOR, float(np.sqrt(left / squares))
        share = np.dot(is_changed, self._weights) / self._weights.sum()
        yield keys.CLIPPED_FRACTION, float(share)

    def _pair(self, sample: FetchedSample) -> Iterator[Value]:
        if sample.gradient is None:
            return
        step = sample.step
        gradient = self._gradients[step] = self._unscaled(sample, sample.gradient)
        pair = None
        if step - 1 in self._gradients:
            pair = Pair(
                self._gradients[step - 1],
                gradient,
                self._change(step - 1),
                self._change(step - 2),
                self._weights,
            )
            yield from _known(keys.GRADIENT_COSINE, pair.cosine)
            yield from _known(keys.COSINE_TO_UPDATE, pair.cosine_to_update)
            if pair.bend is not None:
                yield from _known(keys.CURVATURE, self._bend.add(*pair.bend))
        noise = self._noise_of(sample, gradient) or (pair and pair.noise_and_signal)
        if noise:
            yield from _known(keys.NOISE_TO_SIGNAL, self._noise.add(*noise))

    def _noise_of(self, sample: FetchedSample, total: Vector) -> tuple[float, float] | None:
        if not sample.accumulated:
            return None
        reached = [self._unscaled(sample, one) for one in sample.accumulated]
        steps = [reached[0], *np.diff(np.stack([*reached, total]), axis=0)]
        if self._ranks == 1:
            return noise_of_micro_batches(steps, self._weights)
        # the last micro-batch came with the average over the ranks: the others speak for it
        own = noise_of_micro_batches(steps[:-1], self._weights)
        share = (len(steps) - 1) / (len(steps) * self._ranks)
        return None if own is None else (own[0] * share, own[1])

    def _change(self, step: int) -> Vector | None:
        if step in self._points and step + 1 in self._points:
            return self._points[step + 1] - self._points[step]
        return None

    def _by_parameter(self, values: Vector) -> NDArray[np.float64]:
        return np.add.reduceat(values * values * self._weights, self._starts)

    def _unscaled(self, sample: FetchedSample, gradient: Vector) -> Vector:
        return gradient if sample.scale is None else gradient / sample.scale

    def _forget(self, step: int) -> None:
        self._points = {at: point for at, point in self._points.items() if at >= step - 1}
        self._gradients = {at: one for at, one in self._gradients.items() if at >= step}


def _ratio(key: str, change: float, size: float) -> Iterator[Value]:
    """Yield a ratio of norms; where the weights are all zero there is none.

    The ratio of a run that has diverged, infinity to infinity, is not a number.
    """
    if size != 0.0:
        yield key, float(np.sqrt(np.float64(change) / np.float64(size)))


def _known(key: str, value: float | None) -> Iterator[Value]:
    if value is not None:
        yield key, value
