"""Writes the page of the documentation from the figures that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cost import results
from benchmarks.cost.tables import table

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent / "results"
PATH = ROOT / "docs" / "explanation" / "scale.md"

Part = Mapping[str, Any]

_INTRODUCTION = """\
# Reading and scanning at scale

Written by `make scale` from the figures that it measured.

## How a run is read

1. **The full record** first, where the callback was there: one download in place of a row for
   each point. What the metrics know beyond it, such as the end of a run that goes on, is added.
2. **From a database**, one query reads all points of all metrics, up to 4,000,000 of a run.
3. **From a server**, a metric that fits into one answer of 25,000 points is read whole. Of a
   longer one, 2,500 evenly chosen points are read first. Where up to 40 further requests hold
   all of it, all of it is read. Else the places that look odd are: where values begin or cease
   to be finite, where they leap, where they are lowest, the start and the end. There every point
   is read, so that its neighbours are known. What rules need comes first; a run costs at most 96
   such requests.

What happened at a single step between two chosen points, and left no trace at the next, is not
seen over HTTP, and the diagnosis says so in a note. The record has no such gaps.

"""


def render(parts: Mapping[str, Part | None]) -> str:
    """Return the page.

    Args:
        parts: What `results.load` returns, by name; `None` for what was not measured.
    """
    reading, fleet = parts.get("reading"), parts.get("fleet")
    return _INTRODUCTION + "\n".join(
        [
            "## A run of a million steps\n",
            _reading(reading) if reading else "Not measured yet.\n",
            "## Many small runs\n",
            _fleet(fleet) if fleet else "Not measured yet.\n",
        ]
    )


def write() -> None:
    """Write the page from the figures that are kept."""
    parts = {name: results.load(name, FOLDER) for name in ("reading", "fleet")}
    PATH.write_text(render(parts), encoding="utf-8")


def _reading(part: Part) -> str:
    rows = {row["part"]: row for row in part["rows"]}
    recorded, foreign = rows["recorded"], rows["foreign"]
    times = [
        ["importing mlflow and scipy, reading the Parquet files", *_seconds(recorded["baseline"])],
        ["`tuneguard diagnose --no-write`", *_seconds(recorded["diagnose"])],
    ]
    ratio, wall = median(recorded["ratios"]), median(recorded["wall_ratios"])
    share = foreign["read"] / foreign["paged"]
    return f"""\
**With its record** ({recorded["bytes"] / 2**20:.0f} MiB), each from a cold start, medians of
{len(recorded["ratios"])} rounds in turn:

{table(["", "wall time", "processor time"], times)}

The diagnosis takes {ratio:.2f} times the processor time of the imports and the Parquet files
alone, and {wall:.2f} times the wall time; at most 3 is the aim.

**Without a record**, {foreign["points"]:,} points of one metric on a server: paging them all takes
{foreign["paged"]:.1f} s, reading the run as described takes {foreign["read"]:.1f} s, which is
{share:.1%} of it; at most a tenth is the aim. {foreign["read_points"]:,} points were read. The
first step that was NaN was {_found(foreign["is_first_bad_step_exact"])}, the step of a leap was
{_found(foreign["is_leap_exact"])}.

{_conditions(part)}
"""


def _fleet(part: Part) -> str:
    rows: Sequence[Part] = part["rows"]
    lines = [
        [
            str(row["workers"]),
            f"{row['first']:.1f} s",
            f"{1000 * row['first'] / row['runs']:.0f} ms",
            f"{row['second']:.1f} s",
            f"{row['start']:.1f} s",
            f"{row['first'] / row['second']:.1f}",
            f"{(row['first'] - row['start']) / (row['second'] - row['start']):.1f}",
        ]
        for row in rows
    ]
    heads = [
        "workers",
        "first scan",
        "a run",
        "second scan",
        "start",
        "times faster",
        "beyond the start",
    ]
    return f"""\
{rows[0]["runs"]:,} runs of 200 steps and 20 validations on PostgreSQL, without a server between.
The whole command is timed, its start and the start of its workers included. In the second scan
nothing has changed: runs are listed, and no history is read; ten times faster is the aim. The
start is what the command takes for an experiment without runs, nearly all of it the import of
MLflow and its database library; the last column leaves it out of both scans.

{table(heads, lines)}

{_conditions(part)}
"""


def _seconds(times: Mapping[str, float]) -> list[str]:
    return [f"{times['wall']:.2f} s", f"{times['cpu']:.2f} s"]


def _found(is_exact: bool) -> str:
    return "found exactly" if is_exact else "**not** found exactly"


def _conditions(part: Part) -> str:
    loads = [row["load"] for row in part["rows"]]
    versions = ", ".join(f"{name} {version}" for name, version in part["versions"].items())
    return (
        f"Measured {part['date']} on {part['processor']}, {part['cores']} cores; Python "
        f"{part['python']}, {versions}; load average {min(loads):.1f} to {max(loads):.1f}, the "
        "benchmark's own included."
    )
