"""What recording may cost, and whether the figures hold it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from benchmarks.cost.figures import (
    MEBIBYTE,
    cost_of_recording,
    cost_of_watching,
    device_limit,
)
from benchmarks.cost.neighbours import NEIGHBOURS

Part = Mapping[str, Any] | None
MOST_HOST_MEGABYTES = 64.0
LEAST_LAYER_SAMPLES = 100.0
_MOST, _MOST_OF_SHORT_STEPS = 1.02, 1.05
_SHORT_STEP = 1e-3
_DENSE = ("mlp", "cnn", "transformer")


class Criterion(NamedTuple):
    """A promise, the figure that was measured, and whether it is kept."""

    promise: str
    figure: str
    is_kept: bool


def criteria(parts: Mapping[str, Part]) -> list[Criterion]:
    """Compare everything that was measured with what is promised.

    Args:
        parts: What `results.load` returned, by name of the part.
    """
    found: list[Criterion] = []
    recorder = parts.get("recorder")
    if recorder:
        for row in recorder["rows"]:
            if row["threads"] == 1:
                found.extend(_of_recorder(row))
        if neighbours := parts.get("neighbours"):
            found.extend(_of_neighbours(recorder, neighbours))
    if soak := parts.get("soak"):
        found.extend(_of_soak(soak["rows"][0]))
    if gpu := parts.get("gpu"):
        for row in gpu["rows"]:
            found.extend(_of_gpu(row))
    return found


def _of_recorder(row: Mapping[str, Any]) -> Iterator[Criterion]:
    cost, title = cost_of_recording(row), row["title"]
    most = _MOST_OF_SHORT_STEPS if row["loop"] == "small-mlp" else _MOST
    promise = f"{title}: ratio of total times at most {most}"
    yield Criterion(promise, str(cost.wall), cost.wall.value <= most)
    if row["loop"] in _DENSE:
        samples = row["layer_samples"]
        promise = f"{title}: at least {LEAST_LAYER_SAMPLES:.0f} layer samples in 1,000 steps"
        yield Criterion(promise, f"{samples:.0f}", samples >= LEAST_LAYER_SAMPLES)
    yield Criterion(f"{title}: no step waits", f"{row['waits']:g}", row["waits"] == 0)
    memory = row["memory"]
    promise = f"{title}: at most {MOST_HOST_MEGABYTES:.0f} MiB of host memory"
    yield Criterion(promise, f"{memory:.0f} MiB", memory <= MOST_HOST_MEGABYTES)
    yield Criterion(f"{title}: nothing dropped", str(row["dropped"]), row["dropped"] == 0)


def _of_neighbours(
    recorder: Mapping[str, Any], neighbours: Mapping[str, Any]
) -> Iterator[Criterion]:
    own = {
        row["loop"]: cost_of_recording(row).wall.value
        for row in recorder["rows"]
        if row["threads"] == 1
    }
    for row in neighbours["rows"]:
        if row["is_default"] or row["loop"] not in own:
            continue
        other, ours = cost_of_watching(row).wall.value, own[row["loop"]]
        title = NEIGHBOURS[row["neighbour"]].title
        promise = f"{row['title']}: cheaper than {title} at this density"
        yield Criterion(promise, f"{ours:.3f} against {other:.3f}", ours < other)


def _of_soak(row: Mapping[str, Any]) -> Iterator[Criterion]:
    steps = f"{row['steps']:,} steps"
    rate = row["points_a_second"]
    yield Criterion(f"{steps}: about 100 points a second", f"{rate:.0f}", rate <= 110.0)
    longest = row["longest_series"]
    yield Criterion(f"{steps}: 10,000 points a series", f"{longest:,}", longest <= 10_000)
    leaps = row["spike_in_record"], row["spike_in_chart"]
    figure = f"{leaps[0]:.0f} and {leaps[1]:.0f} times the median loss"
    is_whole = leaps[1] >= leaps[0] > 100.0
    yield Criterion(f"{steps}: one spike in record and chart", figure, is_whole)
    growth = max(row["memory"]) - row["memory"][0]
    promise = f"{steps}: memory grows by {MOST_HOST_MEGABYTES:.0f} MiB at most"
    yield Criterion(promise, f"{growth:.0f} MiB", growth <= MOST_HOST_MEGABYTES)


def _of_gpu(row: Mapping[str, Any]) -> Iterator[Criterion]:
    title = f"GPU, {row['title']}"
    if row["kind"] == "ratio":
        cost = cost_of_recording(row)
        most = _MOST_OF_SHORT_STEPS if cost.bare < _SHORT_STEP else _MOST
        promise = f"{title}: ratio of total times at most {most}"
        yield Criterion(promise, str(cost.wall), cost.wall.value <= most)
        held, limit = row["device_bytes"], device_limit(row)
        promise = f"{title}: at most {limit / MEBIBYTE:.2f} MiB on the device"
        yield Criterion(promise, f"{held / MEBIBYTE:.2f} MiB", held <= limit)
    elif row["kind"] == "synchronisation":
        refused = row["refused"] or ", ".join(row["failed"]) or "none"
        is_kept = refused == "none" and row["waits"] == 0
        yield Criterion(f"{title}: no synchronisation", refused, is_kept)
        pageable = row["pageable_copies"]
        is_pinned = row["pinned_copies"] > 0 and pageable == 0
        yield Criterion(f"{title}: copies go to pinned memory", f"{pageable} do not", is_pinned)
    else:
        error = row["error"]
        is_right = error < 1e-4 and not row["failed"]
        yield Criterion(f"{title}: captured in a graph, norms agree", f"{error:.1e}", is_right)
