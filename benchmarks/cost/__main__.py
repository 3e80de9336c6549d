"""Measure what recording costs.

    python -m benchmarks.cost                    the recorder and its neighbours
    python -m benchmarks.cost --part recorder    one part
    python -m benchmarks.cost --quick            short blocks, nothing is written

Figures are kept in benchmarks/cost/results, and docs/explanation/cost.md is written from them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch

from benchmarks.cost import page, results
from benchmarks.cost.criteria import criteria
from benchmarks.cost.loops import LOOPS
from benchmarks.cost.neighbours import NEIGHBOURS
from benchmarks.cost.results import Row
from benchmarks.cost.workers import in_own_process

Parts = Mapping[str, Mapping[str, Any] | None]
GRAPH_LOOP = "mlp"
OTHER_THREADS = 2


class Plan(NamedTuple):
    """How long is measured."""

    seconds: float
    recorder_rounds: int
    neighbour_rounds: int
    slices_seconds: float
    soak_steps: int


FULL = Plan(5.0, 5, 2, 90.0, 1_000_000)
QUICK = Plan(0.5, 2, 1, 2.0, 20_000)


def recorder_rows(plan: Plan, loops: list[str], _: Parts) -> Iterator[Row]:
    """Measure the recorder on each loop, and on one of them with more threads."""
    cases = [(name, 1, plan.recorder_rounds) for name in loops]
    if "mlp" in loops:
        cases.append(("mlp", OTHER_THREADS, 2))
    for name, threads, rounds in cases:
        yield _recorder_row(plan, name, rounds, threads, "cpu")


def neighbour_rows(plan: Plan, loops: list[str], found: Parts) -> Iterator[Row]:
    """Measure the neighbours at the density that the recorder reached."""
    recorder = found.get("recorder") or {"rows": []}
    samples = {
        row["loop"]: row["layer_samples"] for row in recorder["rows"] if row["threads"] == 1
    }
    for name in loops:
        every = max(1, round(1000.0 / max(samples.get(name, 100.0), 1.0)))
        for neighbour in NEIGHBOURS:
            shared = {"loop": name, "title": LOOPS[name].title, "neighbour": neighbour}
            try:
                yield from in_own_process(
                    "neighbour_cost.measure_neighbour",
                    name=name,
                    neighbour=neighbour,
                    every=every,
                    rounds=plan.neighbour_rounds,
                    seconds=plan.seconds,
                )
            except RuntimeError as error:
                yield {**shared, "is_default": True, "failure": str(error)}


def slice_rows(plan: Plan, loops: list[str], _: Parts) -> Iterator[Row]:
    """Measure the recorder in slices, where blocks are too much disturbed."""
    for name in loops:
        yield in_own_process(
            "slices.measure_slices", name=name, seconds=plan.slices_seconds, block=plan.seconds
        )


def soak_rows(plan: Plan, _loops: list[str], _: Parts) -> Iterator[Row]:
    """Train for very many steps."""
    yield in_own_process("soak.measure_soak", steps=plan.soak_steps)


def gpu_rows(plan: Plan, loops: list[str], _: Parts) -> Iterator[Row]:
    """Measure and check what needs a CUDA device."""
    for name in loops:
        checked = in_own_process("gpu.check_device", name=name)
        yield {**checked, "kind": "synchronisation"}
        row = _recorder_row(plan, name, max(2, plan.recorder_rounds // 2), 1, "cuda")
        yield {**row, "kind": "ratio"}
    yield {**in_own_process("gpu.check_graph", name=GRAPH_LOOP), "kind": "graph"}


def _recorder_row(plan: Plan, name: str, rounds: int, threads: int, device: str) -> Row:
    row: Row = in_own_process(
        "recorder_cost.measure_recorder",
        name=name,
        rounds=rounds,
        seconds=plan.seconds,
        threads=threads,
        device=device,
    )
    return row


MEASURES: dict[str, Callable[[Plan, list[str], Parts], Iterator[Row]]] = {
    "recorder": recorder_rows,
    "slices": slice_rows,
    "neighbours": neighbour_rows,
    "soak": soak_rows,
    "gpu": gpu_rows,
}


def measure(part: str, plan: Plan, loops: list[str], found: Parts) -> list[Row]:
    """Measure one part, saying how far it is."""
    rows: list[Row] = []
    started = time.monotonic()
    for row in MEASURES[part](plan, loops, found):
        rows.append(row)
        words = [str(row[key]) for key in ("title", "neighbour", "threads", "kind") if key in row]
        failure = f": {row['failure']}" if "failure" in row else ""
        print(f"{time.monotonic() - started:6.0f} s  {part}  {', '.join(words)}{failure}")
        sys.stdout.flush()
    return rows


def main() -> int:
    """Measure, keep the figures, and write the page; say whether it holds what is promised."""
    arguments = _arguments()
    parts = arguments.part or ["recorder", "slices", "neighbours"]
    if "gpu" in parts and not torch.cuda.is_available():
        print("There is no CUDA device: nothing is measured, and the page stays as it is.")
        return 0
    loops = arguments.loop or list(LOOPS)
    found = page.kept_parts()
    for part in parts:
        rows = measure(part, QUICK if arguments.quick else FULL, loops, found)
        found[part] = {**results.conditions(), "rows": rows}
        if not arguments.quick and loops == list(LOOPS):
            results.save(part, rows)
            page.write()
    wanted = {part: found[part] for part in {*parts, "recorder"}}
    if arguments.quick:
        print(page.render(wanted))
    for one in criteria(wanted):
        print(f"{'holds' if one.is_kept else 'FAILS'}  {one.promise}: {one.figure}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", action="append", choices=MEASURES, help="may be repeated")
    parser.add_argument("--loop", action="append", choices=LOOPS, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="short blocks; nothing is written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
