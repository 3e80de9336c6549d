"""The figures as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.cost.figures import (
    MEBIBYTE,
    cost_in_slices,
    cost_of_recording,
    cost_of_watching,
    device_limit,
    is_drained,
    noise,
)
from benchmarks.cost.neighbours import NEIGHBOURS

Row = Mapping[str, Any]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown.

    >>> print(table(["loop", "ratio"], [["MLP", "1.01"]]))
    | loop | ratio |
    | --- | --- |
    | MLP | 1.01 |
    """
    lines = [list(heads), ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def recorder_table(rows: Iterable[Row]) -> str:
    """Return what recording costs in the long run."""
    heads = [
        "loop",
        "parameters",
        "bare step",
        "wall ratio",
        "bare against bare",
        "CPU ratio",
        "layer samples",
        "waits",
        "memory",
        "record",
    ]
    return table(heads, [_recorder_line(row) for row in rows])


def _recorder_line(row: Row) -> list[str]:
    cost = cost_of_recording(row)
    threads = "" if row["threads"] == 1 else f", {row['threads']} threads"
    note = "" if is_drained(row["recorded"]) else " (not drained)"
    return [
        f"{row['title']}{threads}",
        f"{row['parameters']:,}",
        f"{1000 * cost.bare:.2f} ms",
        f"{cost.wall}{note}",
        str(noise(row)),
        str(cost.cpu),
        f"{row['layer_samples']:.0f}",
        f"{row['waits']:.3g}",
        f"{row['memory']:.0f} MiB",
        f"{row['bytes_per_step']:.1f} B",
    ]


def slices_table(rows: Iterable[Row]) -> str:
    """Return what recording costs in short slices."""
    heads = ["loop", "wall ratio", "beside the loop", "both", "layer samples"]
    return table(heads, [_slices_line(row) for row in rows])


def _slices_line(row: Row) -> list[str]:
    ratio, beside = cost_in_slices(row), row["background"]
    return [
        row["title"],
        str(ratio),
        f"{100 * beside:.1f} %",
        f"{ratio.value + beside:.3f}",
        f"{row['layer_samples']:.0f}",
    ]


def start_up_table(rows: Iterable[Row]) -> str:
    """Return what recording costs once."""
    heads = ["loop", "constructor", "first 100 steps", "first delivery", "close", "own account"]
    return table(heads, [_start_up_line(row) for row in rows])


def _start_up_line(row: Row) -> list[str]:
    once = row["start_up"]
    own, stride = row["overhead"], row["stride"]
    return [
        row["title"],
        f"{1000 * once['constructor']:.0f} ms",
        f"{once['first_steps']:.2f}",
        f"{once['first_delivery']:.1f} s",
        f"{once['close']:.1f} s",
        "-" if own is None or stride is None else f"{100 * own:.1f} %, stride {stride:.0f}",
    ]


def neighbour_table(own: Row, rows: Sequence[Row]) -> str:
    """Return what other ways to watch one loop cost, ours first."""
    heads = ["watched by", "wall ratio", "CPU ratio", "layer samples", "waits", "memory"]
    return table(heads, [_own_line(own), *(_neighbour_line(row) for row in rows)])


def _own_line(row: Row) -> list[str]:
    cost = cost_of_recording(row)
    samples, waits = f"{row['layer_samples']:.0f}", f"{row['waits']:.3g}"
    return ["tuneguard", str(cost.wall), str(cost.cpu), samples, waits, f"{row['memory']:.0f} MiB"]


def _neighbour_line(row: Row) -> list[str]:
    title = NEIGHBOURS[row["neighbour"]].title
    if "failure" in row:
        return [title, row["failure"], "", "", "", ""]
    cost = cost_of_watching(row)
    return [
        f"{title}, {'at its defaults' if row['is_default'] else 'at our density'}",
        str(cost.wall),
        str(cost.cpu),
        f"{row['layer_samples']:.0f}",
        f"{row['waits']:.3g}",
        f"{row['memory']:.0f} MiB",
    ]


def soak_table(row: Row) -> str:
    """Return what a very long run leaves."""
    before, first, *_ = memory = row["memory"]
    figures = [
        ("steps", f"{row['steps']:,} in {row['seconds']:.0f} s"),
        ("losses in the record", f"{row['losses_in_record']:,}"),
        ("size of the record", f"{row['bytes_per_step']:.2f} bytes a step"),
        ("points in MLflow", f"{row['points']:,}"),
        ("points a second, after the first 1,000", f"{row['points_a_second']:.0f}"),
        ("points of the longest series", f"{row['longest_series']:,}"),
        ("a spike of one step, in the record", f"{row['spike_in_record']:.0f} times the median"),
        ("the same spike, in the chart", f"{row['spike_in_chart']:.0f} times the median"),
        ("memory before the callback", f"{before:.0f} MiB"),
        ("memory after the first twentieth", f"{first:.0f} MiB"),
        ("memory at most, and at the end", f"{max(memory):.0f} MiB, {memory[-1]:.0f} MiB"),
    ]
    return table(["of the run", "measured"], figures)


def device_ratios(rows: Iterable[Row]) -> str:
    """Return what recording costs on a GPU."""
    heads = ["loop", "bare step", "wall ratio", "bare against bare", "layer samples", "on device"]
    lines = []
    for row in rows:
        cost = cost_of_recording(row)
        held, limit = row["device_bytes"] / MEBIBYTE, device_limit(row) / MEBIBYTE
        figures = [f"{1000 * cost.bare:.2f} ms", str(cost.wall), str(noise(row))]
        memory = f"{held:.2f} MiB of {limit:.2f}"
        lines.append([row["title"], *figures, f"{row['layer_samples']:.0f}", memory])
    return table(heads, lines)


def device_checks(rows: Iterable[Row]) -> str:
    """Return what waits on a GPU, and where copies go."""
    heads = ["loop", "waits", "refused", "copies to pinned memory", "to pageable memory"]
    lines = [
        [
            row["title"],
            f"{row['waits']:.3g}",
            row["refused"] or ", ".join(row["failed"]) or "nothing",
            str(row["pinned_copies"]),
            str(row["pageable_copies"]),
        ]
        for row in rows
    ]
    return table(heads, lines)


def device_graphs(rows: Iterable[Row]) -> str:
    """Return how well norms agree that are recorded outside of a CUDA graph."""
    heads = ["loop", "norms compared", "largest relative error"]
    lines = [[row["title"], str(row["norms"]), f"{row['error']:.1e}"] for row in rows]
    return table(heads, lines)
