"""Writes the page of the documentation from the figures that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cost import results, tables
from benchmarks.cost.criteria import criteria
from benchmarks.cost.loops import LOOPS

PATH = Path(__file__).resolve().parent.parent.parent / "docs" / "explanation" / "cost.md"
PARTS = ("recorder", "slices", "neighbours", "soak", "gpu")

Part = Mapping[str, Any]

_INTRODUCTION = """\
# What recording costs

Written by `make bench`, `make soak` and `make gpu-check` from the figures that they measured.

## How it is measured

A loop trains in one process in blocks of at least five seconds: bare, recorded, bare again, and in
the next round the other way round. It is one model throughout, since its place in memory makes a
difference of its own; the ways to watch it that are compared below have copies of theirs. What
drifts slowly slows both neighbours of the recorded block alike. Recording goes into a SQLite
store.

- **A recorded block ends when nothing that was handed over is waiting**: it is written into the
  record, and what is charted of it is in MLflow. So the background's work is in the block's time.
  Blocks are not cut finer than that: each cut would force a delivery that a real loop does not
  have.
- **Wall ratio** is seconds a step, recorded over bare, of all blocks together; in brackets the
  95 % interval of a bootstrap over rounds. With the two rounds that the neighbours get, that is
  the range of what was seen.
- **Bare against bare** is the same ratio of the two bare loops: what the machine does by itself.
- **CPU ratio** counts the processor time of all threads, and of processes that were started.
  Other programs on the machine disturb it less than the clock on the wall. Where a core is to
  spare, a loop does not wait for what the background does, and pays less than this.
- **Layer samples**: at how many of 1,000 steps the gradient norm of every layer was kept.
- **Waits**: operations of a step that make the host wait for a GPU, counted by running the loop
  on PyTorch's meta device, where no tensor has a value to be read.
- **Memory**: growth of the process's peak while the loop is watched, in MiB, beyond what
  importing the packages takes, and with its child processes.
- **Record**: bytes a step of the full record, as it lies in the artifact store.
"""


def render(parts: Mapping[str, Part | None]) -> str:
    """Return the page.

    Args:
        parts: What `results.load` returns, by name; `None` for what was not measured.
    """
    sections = [
        _INTRODUCTION,
        _promises(parts),
        _recorder(parts.get("recorder")),
        _slices(parts.get("slices")),
        _neighbours(parts.get("recorder"), parts.get("neighbours")),
        _soak(parts.get("soak")),
        _gpu(parts.get("gpu")),
    ]
    return "\n".join(sections)


def kept_parts() -> dict[str, Part | None]:
    """Return all figures that are kept."""
    return {name: results.load(name) for name in PARTS}


def write() -> None:
    """Write the page from the figures that are kept."""
    PATH.write_text(render(kept_parts()), encoding="utf-8")


def _promises(parts: Mapping[str, Part | None]) -> str:
    found = criteria(parts)
    lines = [[one.promise, one.figure, "yes" if one.is_kept else "**no**"] for one in found]
    kept = sum(one.is_kept for one in found)
    text = (
        f"{kept} of {len(found)} hold.\n\n{tables.table(['promise', 'measured', 'holds'], lines)}"
    )
    return _section("What is promised", text if found else "Not measured yet.")


def _recorder(part: Part | None) -> str:
    if part is None:
        return _section("The recorder", "Not measured yet.")
    rows = part["rows"]
    text = f"""\
{tables.recorder_table(rows)}

What is paid once is not in these ratios. The constructor opens the spool and, where none is open,
the run. The first steps are all sampled: their ratio is that of the first 100 recorded steps to
100 bare ones. The first delivery is processor time beside the loop, in which MLflow starts up.
Closing delivers the rest. The own account is what the recorder says of itself in
`tuneguard/overhead` and `tuneguard/stride`.

{tables.start_up_table(row for row in rows if row["threads"] == 1)}

{_conditions(part)}"""
    return _section("The recorder", text)


def _slices(part: Part | None) -> str:
    title = "The recorder, in slices"
    if part is None:
        return _section(title, "Not measured yet.")
    text = f"""\
On a shared machine a bare loop is up to twice as slow in one block as in the next, and blocks
cannot show a difference of a hundredth. So the loop is also trained in slices of a twentieth of a
second, recorded and bare in turn: what slows the machine slows both. What is done beside the loop
falls into slices of either kind alike; its processor time is the third column, as a share of the
time that it is done for. A loop waits for all of it only where no core is to spare, so the column
*both* is more than is paid.

{tables.slices_table(part["rows"])}

{_conditions(part)}"""
    return _section(title, text)


def _neighbours(recorder: Part | None, part: Part | None) -> str:
    title = "Other ways to watch, on the same loops"
    if recorder is None or part is None:
        return _section(title, "Not measured yet.")
    own = {row["loop"]: row for row in recorder["rows"] if row["threads"] == 1}
    pieces = []
    for name in LOOPS:
        rows = [row for row in part["rows"] if row["loop"] == name]
        if rows and name in own:
            pieces += [f"### {LOOPS[name].title}", "", tables.neighbour_table(own[name], rows), ""]
    text = f"""\
Each at its defaults, and with looks at the layers as rare as ours. `.norm().item()` keeps its
numbers in a list; MLflow logs loss and learning rate at every step, and the parameters' norms at
our density; Lightning's `grad_norm` is taken at every step and logged at every 50th, as its
trainer does; `wandb.watch` keeps a histogram of each gradient at every 1,000th step, and logs the
loss with it. It works on the host where a gradient is not on a GPU: on one it waits more often
than is counted here. Memory is that of the process that ran both.

{chr(10).join(pieces)}
{_conditions(part)}"""
    return _section(title, text)


def _soak(part: Part | None) -> str:
    title = "A very long run"
    if part is None:
        return _section(title, "Not measured yet.")
    text = f"""\
A linear model with steps as short as they get; at one step among all, the loss leaps.

{tables.soak_table(part["rows"][0])}

{_conditions(part)}"""
    return _section(title, text)


def _gpu(part: Part | None) -> str:
    if part is None:
        return _section("On a GPU", "Not measured on a GPU.")
    kinds = {
        kind: [row for row in part["rows"] if row["kind"] == kind]
        for kind in ("ratio", "synchronisation", "graph")
    }
    text = f"""\
Steps with `torch.cuda.set_sync_debug_mode("error")`, in which whatever waits is refused; copies
are those that the profiler saw.

{tables.device_checks(kinds["synchronisation"])}

{tables.device_ratios(kinds["ratio"])}

Forward and backward pass captured in a CUDA graph, the recorder outside of it:

{tables.device_graphs(kinds["graph"])}

{_conditions(part)}"""
    return _section("On a GPU", text)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text.strip()}\n"


def _conditions(part: Part) -> str:
    versions = ", ".join(f"{name} {found}" for name, found in part["versions"].items())
    loads = [load for row in part["rows"] for load in row.get("load", ())]
    device = part["accelerator"]
    return (
        f"Measured {part['date']} on {part['processor']}, {part['cores']} cores"
        f"{f', {device}' if device else ''}; Python {part['python']}, {versions}; "
        f"{_loads(loads)}."
    )


def _loads(loads: Sequence[float]) -> str:
    if not loads:
        return "the load was not noted"
    return f"load average {min(loads):.1f} to {max(loads):.1f}, the loop's own included"
