"""What the ranks of a distributed training kept, put together to what the run did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys

FloatArray = NDArray[np.float64]
Points = tuple[NDArray[np.int64], FloatArray]


def across_ranks(
    parts: Mapping[int, Mapping[str, Points]], world_size: int, *, is_sharded: bool
) -> dict[str, Points]:
    """Return the points of a run from those that its ranks kept.

    Rank 0 speaks for the run. Where the parameters are sharded, each rank has the norms of its
    own shard under `shard/`, and their squares are added up where every rank measured them: the
    sums take the place of what rank 0 could tell by itself. What ranks disagree on is added as
    the series of `keys.RANK_SERIES`.

    Args:
        parts: By rank and key, steps of shape `(n,)` and values of shape `(n,)`.
        world_size: How many ranks there were.
        is_sharded: Whether the parameters were spread over them.

    Returns:
        Points by key, without those of single shards.
    """
    points = {
        key: found for key, found in parts.get(0, {}).items() if not key.startswith(keys.SHARD)
    }
    if is_sharded and len(parts) == world_size:
        points.update(_whole_norms(list(parts.values())))
    if len(parts) > 1:
        points.update(_disagreements(list(parts.values()), is_sharded=is_sharded))
    return points


def _whole_norms(parts: Sequence[Mapping[str, Points]]) -> dict[str, Points]:
    whole: dict[str, Points] = {}
    sharded = {key: None for part in parts for key in part if key.startswith(keys.SHARD)}
    for key in sharded:
        steps, local = _aligned([_with_empty_shard(part, key) for part in parts], key)
        if len(steps):
            whole[key.removeprefix(keys.SHARD)] = (steps, _root_of_sum(local))
    found: dict[str, Points] = {}
    for key, points in whole.items():
        quantity, _, layer = key.partition("/")
        weights = whole.get(f"{keys.WEIGHT_NORM}/{layer}")
        if quantity == keys.GRADIENT_NORM or key == keys.UPDATE_NORM_GLOBAL:
            found[key] = points
        if quantity == keys.UPDATE_NORM and weights is not None:
            found[f"{keys.UPDATE_RATIO}/{layer}"] = _ratio(points, weights)
    return found


def _with_empty_shard(part: Mapping[str, Points], key: str) -> Mapping[str, Points]:
    """Give a rank that holds nothing of a layer a norm of zero, where it measured the others."""
    of_all = part.get(f"{key.rpartition('/')[0]}/{keys.GLOBAL}")
    if key in part or of_all is None:
        return part
    return {key: (of_all[0], np.zeros(len(of_all[0])))}


def _disagreements(
    parts: Sequence[Mapping[str, Points]], *, is_sharded: bool
) -> dict[str, Points]:
    measures: dict[str, tuple[str, Callable[[FloatArray], FloatArray]]] = {
        keys.RANK_STEP_SKEW: (keys.STEP_SECONDS, _largest_over_median),
        keys.RANK_DATA_WAIT_GAP: (keys.DATA_WAIT_FRACTION, _largest_above_median),
        keys.RANK_LOSS_SPREAD: (keys.TRAIN_LOSS, _spread),
    }
    if not is_sharded:
        measures[keys.RANK_GRADIENT_DISAGREEMENT] = (
            keys.GRADIENT_NORM_GLOBAL,
            _spread_over_median,
        )
    found: dict[str, Points] = {}
    for name, (key, measure) in measures.items():
        steps, values = _aligned(parts, key)
        measured = measure(values)
        is_known = ~np.isnan(measured)
        if is_known.any():
            found[name] = (steps[is_known], measured[is_known])
    return found


def _aligned(
    parts: Sequence[Mapping[str, Points]], key: str
) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the steps at which all have a key, and the values: shape `(ranks, steps)`."""
    if not all(key in part for part in parts):
        return np.empty(0, dtype=np.int64), np.empty((len(parts), 0))
    tables = [_latest(*part[key]) for part in parts]
    steps = reduce(np.intersect1d, (steps for steps, _ in tables))
    rows = [values[np.searchsorted(own, steps)] for own, values in tables]
    return steps, np.stack(rows)


def _latest(steps: NDArray[np.int64], values: FloatArray) -> Points:
    """Return steps in order, each once, with the value that was written last."""
    unique, from_end = np.unique(steps[::-1], return_index=True)
    return unique, values[::-1][from_end]


def _root_of_sum(norms: FloatArray) -> FloatArray:
    """Norm of a whole from those of its pieces: shape `(ranks, steps)`."""
    whole: FloatArray = np.sqrt(np.square(norms).sum(axis=0))
    return whole


def _ratio(changes: Points, weights: Points) -> Points:
    steps, places, weight_places = np.intersect1d(changes[0], weights[0], return_indices=True)
    above, below = changes[1][places], weights[1][weight_places]
    is_there = below != 0
    with np.errstate(invalid="ignore"):
        return steps[is_there], above[is_there] / below[is_there]


def _largest_over_median(values: FloatArray) -> FloatArray:
    middle = _median(values)
    is_there = middle > 0
    ratio: FloatArray = values.max(axis=0) / np.where(is_there, middle, 1.0)
    return np.where(is_there, ratio, np.nan)


def _largest_above_median(values: FloatArray) -> FloatArray:
    gap: FloatArray = values.max(axis=0) - _median(values)
    return gap


def _spread(values: FloatArray) -> FloatArray:
    """Largest less smallest: infinite where some are not finite, not known where none is."""
    is_finite = np.isfinite(values)
    spread = np.ptp(np.where(is_finite, values, 0.0), axis=0)
    partly = np.where(is_finite.any(axis=0), np.inf, np.nan)
    whole: FloatArray = np.where(is_finite.all(axis=0), spread, partly)
    return whole


def _spread_over_median(values: FloatArray) -> FloatArray:
    spread, middle = _spread(values), np.abs(_median(np.nan_to_num(values)))
    relative: FloatArray = np.divide(spread, middle, out=spread.copy(), where=middle > 0)
    return relative


def _median(values: FloatArray) -> FloatArray:
    middle: FloatArray = np.median(values, axis=0) if values.size else np.empty(0)
    return middle
