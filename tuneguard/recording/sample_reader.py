"""What samples say, worked out on the writer's thread."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.device_copy import Floats
from tuneguard.recording.layers import Layers
from tuneguard.recording.readings import Readings, Rows, Vector, known_readings, single_readings
from tuneguard.recording.samples import FetchedSample
from tuneguard.recording.sketch import Sketch
from tuneguard.recording.successive_steps import (
    MeanRatio,
    bends,
    cosines,
    noise_and_signal,
    noise_of_micro_batches,
    noise_of_ranks,
)

_TOGETHER = 16


class SampleReader:
    """Turns samples into metric values; remembers the last ones, for a pair may span packets.

    Samples are read several together: they are small, so a call of NumPy costs more than what it
    works out, and it waits for the training loop to let go of the interpreter.

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

    def read(self, samples: Sequence[FetchedSample]) -> Iterator[Readings]:
        """Yield what samples say, in the order of their steps; a key may come several times.

        Args:
            samples: In the order of their steps, which follow those read before.
        """
        for sketch, own in itertools.groupby(samples, attrgetter("sketch")):
            if sketch is not None and sketch is not self._sketch:
                self._read_by(sketch)
            alike = list(own)
            for first in range(0, len(alike), _TOGETHER):
                with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
                    found = list(self._read(alike[first : first + _TOGETHER]))
                yield from found

    def _read_by(self, sketch: Sketch) -> None:
        """Take sketches as this one takes them; those taken otherwise cannot be compared."""
        self._sketch = sketch
        weights = sketch.weights
        if self._shares is not None:
            weights = weights * self._shares[sketch.positions][sketch.owners]
        self._roots = np.sqrt(weights)
        self._weights = sketch.weights
        self._first_of_each = np.flatnonzero(np.diff(sketch.owners, prepend=-1))
        _, self._is_read = self._layers.sums(
            np.zeros((1, len(sketch.positions))), sketch.positions
        )
        # by step: where the gradient was taken, and the gradient
        self._points: dict[int, Vector] = {}
        self._gradients: dict[int, Vector] = {}

    def _read(self, samples: Sequence[FetchedSample]) -> Iterator[Readings]:
        yield from self._norms(samples)
        yield from self._updates(samples)
        yield from self._clipping(samples)
        yield from self._pairs(samples)
        yield from single_readings(samples)
        self._forget(samples[-1].step)

    def _norms(self, samples: Sequence[FetchedSample]) -> Iterator[Readings]:
        """Norms of the whole and of each layer.

        Where parameters are sharded they are those of this rank's shards: squared and added up
        over the ranks, they make the whole.
        """
        quantity = keys.GRADIENT_NORM if self._shares is None else keys.SHARD + keys.GRADIENT_NORM
        there = [one for one in samples if one.norms is not None]
        for positions, own in itertools.groupby(there, attrgetter("gradient_of")):
            alike = list(own)
            norms = [_unscaled(one.norms, one) for one in alike if one.norms is not None]
            squares = np.square(_rows(norms))
            if self._shares is not None:
                squares *= self._shares[np.asarray(positions, dtype=np.intp)]
            sums, is_there = _with_whole(*self._layers.sums(squares, positions))
            names = self._named(quantity, is_there)
            yield Readings(names, _steps(alike), np.sqrt(sums[:, is_there]))

    def _updates(self, samples: Sequence[FetchedSample]) -> Iterator[Readings]:
        moved = self._follow(samples)
        if not moved:
            return
        steps = tuple(moved)
        points = _rows([self._points[step] for step in steps])
        changes, is_there = self._by_layer(_rows(list(moved.values())) - points)
        sizes, _ = self._by_layer(points)
        if self._shares is not None:
            for quantity, squares in ((keys.UPDATE_NORM, changes), (keys.WEIGHT_NORM, sizes)):
                names = self._named(f"{keys.SHARD}{quantity}", is_there)
                yield Readings(names, steps, np.sqrt(squares[:, is_there]))
            return
        yield Readings((keys.UPDATE_NORM_GLOBAL,), steps, np.sqrt(changes[:, :1]))
        # where the weights are all zero there is no ratio; infinity to infinity is not a number
        has_ratio = is_there & (sizes != 0.0)
        ratios = np.sqrt(changes / sizes)
        for own in _alike(has_ratio):
            is_known = has_ratio[own[0]]
            names = self._named(keys.UPDATE_RATIO, is_known)
            yield Readings(names, tuple(steps[one] for one in own), ratios[own][:, is_known])

    def _follow(self, samples: Sequence[FetchedSample]) -> dict[int, Vector]:
        """Note where the weights were, and return by step where they went from there."""
        read = [one for each in samples for one in (each.before, each.after) if one is not None]
        rows: Iterator[Vector] = iter(_rows(read) * self._roots if read else ())
        moved: dict[int, Vector] = {}
        for sample in samples:
            if sample.before is not None:
                self._points[sample.step] = next(rows)
            if sample.after is not None:
                self._points[sample.step + 1] = after = next(rows)
                if sample.step in self._points:
                    moved[sample.step] = after
        return moved

    def _named(self, quantity: str, is_there: NDArray[np.bool_]) -> tuple[str, ...]:
        """The keys of a quantity, of the whole and of the layers that are there."""
        place = quantity, is_there.tobytes()
        if place not in self._names:
            names = (f"{quantity}/{keys.GLOBAL}", *self._layers.keys(quantity))
            self._names[place] = tuple(np.array(names, dtype=object)[is_there])
        return self._names[place]

    def _clipping(self, samples: Sequence[FetchedSample]) -> Iterator[Readings]:
        taken = [
            (one.step, one.clipped, _unscaled(one.gradient, one))
            for one in samples
            if one.gradient is not None and one.clipped is not None
        ]
        if not taken:
            return
        clipped = _rows([one for _, one, _ in taken])
        before = _rows([one for *_, one in taken])
        squares = np.square(before) @ self._weights
        factors = np.sqrt(np.square(clipped) @ self._weights / squares)
        is_changed = ~np.isclose(clipped, before, rtol=1e-3, atol=0.0)
        shares = is_changed @ self._weights / self._weights.sum()
        is_known = (squares > 0.0) & (squares < np.inf)
        steps = tuple(step for (step, *_), known in zip(taken, is_known, strict=True) if known)
        if steps:
            values = np.column_stack([factors, shares])[is_known]
            yield Readings((keys.CLIPPING_FACTOR, keys.CLIPPED_FRACTION), steps, values)

    def _pairs(self, samples: Sequence[FetchedSample]) -> Iterator[Readings]:
        there = [one for one in samples if one.gradient is not None]
        if not there:
            return
        gradients = [_unscaled(one.gradient, one) for one in there if one.gradient is not None]
        steps = _steps(there)
        self._gradients.update(zip(steps, _rows(gradients) * self._roots, strict=True))
        noises = {
            one.step: noise
            for one in there
            if (noise := self._noise_within(one, self._gradients[one.step])) is not None
        }
        paired = tuple(step for step in steps if step - 1 in self._gradients)
        if paired:
            first = _rows([self._gradients[step - 1] for step in paired])
            second = _rows([self._gradients[step] for step in paired])
            yield from known_readings(keys.GRADIENT_COSINE, paired, cosines(first, second))
            between = np.column_stack(noise_and_signal(first, second)).tolist()
            noises = dict(zip(paired, between, strict=True)) | noises
            yield from self._along_updates(paired, first, second)
        at = tuple(sorted(noises))
        ratios = [self._noise.add(*noises[step]) for step in at]
        yield from known_readings(keys.NOISE_TO_SIGNAL, at, np.array(ratios, dtype=np.float64))

    def _along_updates(
        self, steps: Sequence[int], first: Rows, second: Rows
    ) -> Iterator[Readings]:
        """What pairs of gradients say of the updates between them, and before."""
        places = [at for at, step in enumerate(steps) if {step - 1, step} <= self._points.keys()]
        if not places:
            return
        steps, first, second = tuple(steps[at] for at in places), first[places], second[places]
        points = _rows([self._points[step - 1] for step in steps])
        updates = _rows([self._points[step] for step in steps]) - points
        yield from known_readings(keys.COSINE_TO_UPDATE, steps, cosines(second, updates))
        bent = [at for at, step in enumerate(steps) if step - 2 in self._points]
        if not bent:
            return
        steps = tuple(steps[at] for at in bent)
        earlier = points[bent] - _rows([self._points[step - 2] for step in steps])
        found = bends(second[bent] - first[bent], updates[bent], earlier)
        ratios = [self._bend.add(*one) for one in np.column_stack(found).tolist()]
        yield from known_readings(keys.CURVATURE, steps, np.array(ratios, dtype=np.float64))

    def _noise_within(self, sample: FetchedSample, total: Vector) -> tuple[float, float] | None:
        """The noise of a gradient that was put together here: of ranks, or of micro-batches."""
        if sample.own is not None:
            (own,) = _rows([_unscaled(sample.own, sample)]) * self._roots
            return noise_of_ranks(own, total, self._ranks)
        if not sample.accumulated:
            return None
        reached = _rows([_unscaled(one, sample) for one in sample.accumulated]) * self._roots
        return noise_of_micro_batches([reached[0], *np.diff(reached, axis=0), total - reached[-1]])

    def _by_layer(self, values: Rows) -> tuple[Rows, NDArray[np.bool_]]:
        """Sums of squares over all coordinates, and over those of each layer."""
        if not len(self._first_of_each):
            return _with_whole(np.zeros((len(values), len(self._layers.names))), self._is_read)
        of_parameters = np.add.reduceat(np.square(values), self._first_of_each, axis=1)
        sums, _ = self._layers.sums(of_parameters, self._sketch.positions)
        return _with_whole(sums, self._is_read)

    def _forget(self, step: int) -> None:
        self._points = {at: point for at, point in self._points.items() if at >= step - 1}
        self._gradients = {at: one for at, one in self._gradients.items() if at >= step}


def _rows(vectors: Sequence[Floats]) -> Rows:
    return np.array(vectors, dtype=np.float64)


def _steps(samples: Sequence[FetchedSample]) -> tuple[int, ...]:
    return tuple(one.step for one in samples)


def _unscaled(values: Floats, sample: FetchedSample) -> Floats:
    if sample.scale is None:
        return values
    unscaled: Vector = np.divide(values, sample.scale, dtype=np.float64)
    return unscaled


def _alike(masks: NDArray[np.bool_]) -> list[list[int]]:
    """Put the rows of a table together that are the same."""
    places: dict[bytes, list[int]] = {}
    for place, mask in enumerate(masks):
        places.setdefault(mask.tobytes(), []).append(place)
    return list(places.values())


def _with_whole(of_layers: Rows, is_there: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.bool_]]:
    """Put the whole before its layers."""
    whole = np.concatenate([of_layers.sum(axis=1, keepdims=True), of_layers], axis=1)
    return whole, np.concatenate([[bool(is_there.any())], is_there])
