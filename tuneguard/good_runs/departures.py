"""Where a run leaves the range of the good ones, at the same steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.history import Role, RunHistory, Series

FloatArray = NDArray[np.float64]

FEWEST_GOOD_RUNS: Final = 5
BLOCKS: Final = 20
"""A run is looked at in so many blocks of equal length; a block is its median."""
LASTING_BLOCKS: Final = 2
"""A departure lasts at least for so many blocks."""
MARGIN: Final = 4.0
"""How far outside the range of the good runs it lies, in their robust standard deviations."""
SMALLEST_FACTOR: Final = 2.0
"""How many times the median of the good runs a norm, a ratio or a time is, or one part of."""
SMALLEST_SHARE: Final = 0.25
"""How far a loss is from the median, as a share of what the good runs gained in all."""

_MAD_TO_DEVIATION: Final = 1.4826  # of a normal distribution


@dataclass(frozen=True, slots=True)
class Departure:
    """One quantity that leaves the range of the good runs. Its key is untrusted text.

    Attributes:
        metric: Key of the series in the run.
        since: Step at which it leaves that range.
        step: Step at which it is furthest from it.
        value: What it is there.
        usual: Median of the good runs there.
        low: Lowest of the good runs there.
        high: Highest of them.
        good_runs: How many of them have a value there.
        axis: What the steps count.
    """

    metric: str
    since: float
    step: float
    value: float
    usual: float
    low: float
    high: float
    good_runs: int
    axis: str


@dataclass(frozen=True, slots=True)
class BesideGoodRuns:
    """A run beside the good ones.

    Attributes:
        good_runs: How many of those there are.
        compared: Keys of the series that could be compared.
        departures: Where it leaves their range, the furthest first.
        reason: Why nothing could be compared; empty where something was.
    """

    good_runs: int
    compared: tuple[str, ...] = ()
    departures: tuple[Departure, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Quantity:
    own: Series
    good: tuple[Series, ...]
    is_positive: bool


def beside_good_runs(
    history: RunHistory, good: Sequence[RunHistory], *, margin: float = MARGIN
) -> BesideGoodRuns:
    """Say where a run leaves the range of good runs of its kind.

    The loss, the gradient norm, the update ratio and the time of a step are compared at the same
    steps. What is told is large (`SMALLEST_FACTOR`, `SMALLEST_SHARE`), far outside of what the
    good runs differ among each other (`margin`), and lasts (`LASTING_BLOCKS`). It is advice: good
    runs with other settings differ from this one for good reasons.

    Args:
        history: The run.
        good: The good runs; with fewer than `FEWEST_GOOD_RUNS` nothing is said.
        margin: In robust standard deviations of the good runs.
    """
    if len(good) < FEWEST_GOOD_RUNS:
        there = f"there {'is' if len(good) == 1 else 'are'} {len(good)}"
        return BesideGoodRuns(
            len(good), reason=f"{there}, and fewer than {FEWEST_GOOD_RUNS} show no range"
        )
    quantities = list(_quantities(history, good))
    if not quantities:
        return BesideGoodRuns(
            len(good), reason="the run has no series that enough of them have over the same steps"
        )
    found = [_departure(one, margin) for one in quantities]
    departures = sorted((one for one in found if one is not None), key=lambda one: -one[0])
    return BesideGoodRuns(
        len(good),
        tuple(one.own.key for one in quantities),
        tuple(departure for _, departure in departures),
    )


def _quantities(history: RunHistory, good: Sequence[RunHistory]) -> Iterator[_Quantity]:
    for what in (Role.TRAIN_LOSS, Role.GRADIENT_NORM, Role.UPDATE_RATIO, keys.STEP_SECONDS):
        own = _series(history, what)
        if own is None:
            continue
        others = [_series(one, what) for one in good]
        alike = tuple(one for one in others if one is not None and one.axis is own.axis)
        if len(alike) >= FEWEST_GOOD_RUNS:
            yield _Quantity(own, alike, is_positive=what is not Role.TRAIN_LOSS)


def _series(history: RunHistory, what: Role | str) -> Series | None:
    found = history.get(what) if isinstance(what, Role) else history.series.get(what)
    return None if found is None or len(found.finite()) < BLOCKS else found.finite()


def _departure(quantity: _Quantity, margin: float) -> tuple[float, Departure] | None:
    """Return how far a quantity departs, in deviations, and where; `None` where it does not."""
    edges = _edges(quantity)
    own = _levels(quantity.own, edges, is_positive=quantity.is_positive)
    good = np.stack(
        [_levels(one, edges, is_positive=quantity.is_positive) for one in quantity.good]
    )
    known = np.isfinite(own) & (np.isfinite(good).sum(axis=0) >= FEWEST_GOOD_RUNS)
    if known.sum() < LASTING_BLOCKS:
        return None
    own, good, starts = own[known], good[:, known], _first_steps(quantity.own, edges)[known]
    usual, low, high = np.nanmedian(good, 0), np.nanmin(good, 0), np.nanmax(good, 0)
    outside = np.maximum(low - own, own - high) / _deviation(good, usual)
    is_large = np.abs(own - usual) >= _smallest(usual, is_positive=quantity.is_positive)
    lasting = _lasting((outside > margin) & is_large)
    if not lasting.any():
        return None
    furthest = int(np.argmax(np.where(lasting, np.abs(own - usual), -np.inf)))
    shown = np.exp if quantity.is_positive else np.positive
    return float(outside[furthest]), Departure(
        metric=quantity.own.key,
        since=float(starts[np.argmax(lasting)]),
        step=float(starts[furthest]),
        value=float(shown(own[furthest])),
        usual=float(shown(usual[furthest])),
        low=float(shown(low[furthest])),
        high=float(shown(high[furthest])),
        good_runs=int(np.isfinite(good[:, furthest]).sum()),
        axis=quantity.own.axis.value,
    )


def _edges(quantity: _Quantity) -> FloatArray:
    """Return where blocks begin and end: from the first step to where most good runs go on."""
    last = min(quantity.own.span[1], float(np.median([one.span[1] for one in quantity.good])))
    first = max(quantity.own.span[0], float(np.median([one.span[0] for one in quantity.good])))
    edges: FloatArray = np.linspace(first, max(last, first + 1.0), BLOCKS + 1)
    edges[-1] = np.nextafter(edges[-1], np.inf)
    return edges


def _first_steps(series: Series, edges: FloatArray) -> FloatArray:
    """Return the first step of the series in each block, where it has one."""
    places = np.searchsorted(series.steps, edges[:-1])
    return series.steps[np.minimum(places, len(series) - 1)]


def _levels(series: Series, edges: FloatArray, *, is_positive: bool) -> FloatArray:
    """Return the median of each block, as a logarithm where values are positive; else NaN."""
    places = np.searchsorted(edges, series.steps, side="right") - 1
    levels = np.full(len(edges) - 1, np.nan)
    for block in range(len(levels)):
        inside = series.values[places == block]
        if len(inside):
            levels[block] = np.median(inside)
    if is_positive:
        levels = np.log(np.where(levels > 0.0, levels, np.nan))
    return levels


def _deviation(good: FloatArray, usual: FloatArray) -> FloatArray:
    """Return the robust deviation among good runs, at least what it is in the median block."""
    apart = _MAD_TO_DEVIATION * np.nanmedian(np.abs(good - usual), axis=0)
    deviation: FloatArray = np.maximum(np.maximum(apart, np.median(apart)), np.finfo(float).tiny)
    return deviation


def _smallest(usual: FloatArray, *, is_positive: bool) -> float:
    """Return the smallest departure that matters."""
    return float(np.log(SMALLEST_FACTOR)) if is_positive else SMALLEST_SHARE * float(np.ptp(usual))


def _lasting(is_out: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which blocks are part of a stretch of at least `LASTING_BLOCKS` blocks."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_out, [False])).astype(int)))
    lasting = np.zeros(len(is_out), dtype=bool)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        lasting[start:end] = end - start >= LASTING_BLOCKS
    return lasting
