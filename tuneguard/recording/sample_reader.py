"""What samples say, worked out on the writer's thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.layers import Layers
from tuneguard.recording.samples import FetchedSample, Value, Vector
from tuneguard.recording.sketch import Sketch
from tuneguard.recording.successive_steps import (
    MeanRatio,
    Pair,
    noise_of_micro_batches,
    noise_of_ranks,
)

LayerValues = tuple[tuple[str, ...], Vector]


class SampleReader:
    """Turns samples into metric values; remembers the last ones, for a pair may span packets.

    Args:
        layers: What the parameters belong to.
        sketch: How the sketches were taken.
        ranks: How many processes a gradient is averaged over.
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
        self._names: dict[tuple[str, bytes], tuple[str, ...]] = {}

    def read(self, sample: FetchedSample) -> list[LayerValues]:
        """Return what a sample says: metric keys, and a value for each.

        Samples come in the order of their steps.
        """
        if sample.sketch is not None and sample.sketch is not self._sketch:
            self._read_by(sample.sketch)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            found = [*self._norms(sample), *self._update(sample)]
            singles = [*self._clipping(sample), *self._pair(sample), *sample.units]
        if sample.carried is not None:
            singles.append((keys.CARRIED_GRADIENT, float(sample.carried[0])))
        self._forget(sample.step)
        found.extend(((key,), np.array([value])) for key, value in singles)
        return found

    def _read_by(self, sketch: Sketch) -> None:
        """Take sketches as this one takes them; those taken otherwise cannot be compared."""
        self._sketch = sketch
        weights = sketch.weights
        if self._shares is not None:
            weights = weights * self._shares[sketch.positions][sketch.owners]
        self._roots = np.sqrt(weights)
        self._weights = sketch.weights
        self._layer_of = self._layers.of_parameters[sketch.positions][sketch.owners]
        _, self._is_read = self._layers.sums(np.zeros(len(sketch.positions)), sketch.positions)
        self._points: dict[int, Vector] = {}
        self._gradients: dict[int, Vector] = {}

    def _update(self, sample: FetchedSample) -> Iterator[LayerValues]:
        if sample.before is not None:
            self._points[sample.step] = sample.before * self._roots
        if sample.after is not None:
            self._points[sample.step + 1] = sample.after * self._roots
        change, point = self._change(sample.step), self._points.get(sample.step)
        if change is None or point is None:
            return
        changes, is_there = _with_whole(self._by_layer(change), self._is_read)
        sizes, _ = _with_whole(self._by_layer(point), self._is_read)
        if self._shares is not None:
            for quantity, squares in ((keys.UPDATE_NORM, changes), (keys.WEIGHT_NORM, sizes)):
                names = self._named(f"{keys.SHARD}{quantity}", is_there)
                yield names, np.sqrt(squares[is_there])
            return
        yield (keys.UPDATE_NORM_GLOBAL,), np.sqrt(changes[:1])
        # where the weights are all zero there is no ratio; infinity to infinity is not a number
        is_there &= sizes != 0.0
        yield (
            self._named(keys.UPDATE_RATIO, is_there),
            np.sqrt(changes[is_there] / sizes[is_there]),
        )

    def _norms(self, sample: FetchedSample) -> Iterator[LayerValues]:
        """Norms of the whole and of each layer.

        Where parameters are sharded they are those of this rank's shards: squared and added up
        over the ranks, they make the whole.
        """
        if sample.norms is None:
            return
        norms = sample.norms if sample.scale is None else sample.norms / sample.scale
        squares, quantity = np.square(norms), keys.GRADIENT_NORM
        if self._shares is not None:
            squares = squares * self._shares[np.asarray(sample.gradient_of, dtype=np.intp)]
            quantity = f"{keys.SHARD}{quantity}"
        sums, is_there = _with_whole(*self._layers.sums(squares, sample.gradient_of))
        yield self._named(quantity, is_there), np.sqrt(sums[is_there])

    def _named(self, quantity: str, is_there: NDArray[np.bool_]) -> tuple[str, ...]:
        """The keys of a quantity, of the whole and of the layers that are there."""
        place = quantity, is_there.tobytes()
        if place not in self._names:
            names = (f"{quantity}/{keys.GLOBAL}", *self._layers.keys(quantity))
            self._names[place] = tuple(np.array(names, dtype=object)[is_there])
        return self._names[place]

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
        gradient = self._unscaled(sample, sample.gradient) * self._roots
        self._gradients[step] = gradient
        pair = None
        if step - 1 in self._gradients:
            pair = Pair(
                self._gradients[step - 1],
                gradient,
                self._change(step - 1),
                self._change(step - 2),
            )
            yield from _known(keys.GRADIENT_COSINE, pair.cosine)
            yield from _known(keys.COSINE_TO_UPDATE, pair.cosine_to_update)
            if pair.bend is not None:
                yield from _known(keys.CURVATURE, self._bend.add(*pair.bend))
        noise = self._noise_of(sample, gradient) or (pair and pair.noise_and_signal)
        if noise:
            yield from _known(keys.NOISE_TO_SIGNAL, self._noise.add(*noise))

    def _noise_of(self, sample: FetchedSample, total: Vector) -> tuple[float, float] | None:
        if sample.own is not None:
            own = self._unscaled(sample, sample.own) * self._roots
            return noise_of_ranks(own, total, self._ranks)
        if not sample.accumulated:
            return None
        reached = [self._unscaled(sample, one) * self._roots for one in sample.accumulated]
        return noise_of_micro_batches([reached[0], *np.diff(np.stack([*reached, total]), axis=0)])

    def _change(self, step: int) -> Vector | None:
        if step in self._points and step + 1 in self._points:
            return self._points[step + 1] - self._points[step]
        return None

    def _by_layer(self, values: Vector) -> Vector:
        """Sums of squares over the coordinates of each layer."""
        sums = np.bincount(self._layer_of, values * values, len(self._layers.names))
        return sums.astype(np.float64)

    def _unscaled(self, sample: FetchedSample, gradient: Vector) -> Vector:
        return gradient if sample.scale is None else gradient / sample.scale

    def _forget(self, step: int) -> None:
        self._points = {at: point for at, point in self._points.items() if at >= step - 1}
        self._gradients = {at: one for at, one in self._gradients.items() if at >= step}


def _with_whole(
    of_layers: Vector, is_there: NDArray[np.bool_]
) -> tuple[Vector, NDArray[np.bool_]]:
    """Put the whole before its layers."""
    whole = np.concatenate([[of_layers.sum()], of_layers])
    return whole, np.concatenate([[bool(is_there.any())], is_there])


def _known(key: str, value: float | None) -> Iterator[Value]:
    if value is not None:
        yield key, value
