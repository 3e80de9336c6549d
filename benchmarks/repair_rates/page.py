"""Writes the page of the documentation from the rows that are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.error_rates.outcomes import MIN_DEVIATIONS, MIN_POINTS
from benchmarks.error_rates.source_digests import ROOT
from benchmarks.repair_rates import stamp
from benchmarks.repair_rates.kinds import beyond
from benchmarks.repair_rates.rows import UNCHANGED, Row
from benchmarks.repair_rates.strategies import FIRST, MOST, STRATEGIES, THREE
from tuneguard.statistics.proportions import wilson_interval

PATH = ROOT / "docs" / "explanation" / "repair-rates.md"
_TARGETS = {FIRST: 0.80, THREE: 0.92}
_MOST_HARMED = 0.03

_HEAD = """\
# Repair rates

Written by `make repair-rates` from the figures that it measures. Does what is prescribed help?
Trainings whose fault shows in their score, and was named, are trained again from the same seed
with what was prescribed, and with what anybody could try without a diagnosis."""

_METHOD = """\
## How it was measured

- **Which faults.** Those of the programs of [the error rates](error-rates.md) on which nothing was
  fitted ({counted}): the fault is one that a change of settings can repair at all, its training
  scores worse than its healthy twins by more than {points:g} points and {deviations:g} of their
  standard deviations, and the diagnosis of what the callback recorded names it.
- **Repaired** is a training that ends within that tolerance of the mean of its 8 healthy twins, on
  data that took no part in anything. **Harmed** is one that ends below what it scored unchanged by
  more than the same tolerance.
- **First prescription**: the first that a program can apply, of the first cause for which there is
  one. Where there is none, the training stays as it was and counts as not repaired. What comes
  next is in the order of `treat`: the rest of that finding and the next ones take turns, and
  what nearly repeats an earlier change is left out.
- **Best of three**: of the first {most} the one that validates best. **Random**: any one of all
  that was prescribed for the run. **Rate times 0.1**: whatever was found. **AUTOTRAINER**: what
  its own detectors see in the run, and the first, or the best of the first {most}, of its
  published order of repairs for that; the sizes of its changes of rate and batch are ours.
- A change is made as a person would who knows the program and not the fault: on top of what is
  there. Steps stay as many as they were unless they are what is changed.
- Float16 is emulated by a loss scaler and by gradients that overflow: where bfloat16 is
  prescribed, both go.
- Prescriptions were developed on the programs of the calibrating half, and rehearsed on programs
  of neither half.
- **Intervals**, in brackets, are Wilson's of 95 %."""


def render(rows: Sequence[Row], measured: Mapping[str, Any] | None) -> str:
    """Return the page.

    Args:
        rows: What was kept of the reporting half.
        measured: The stamp of the figures; `None` where nothing was measured yet.
    """
    if measured is None:
        return f"{_HEAD}\n\nNot measured yet.\n"
    counted = f"{measured['tried']} of {measured['named']} were drawn, every one that comes up"
    sections = [
        _HEAD,
        of_strategies(rows),
        _bounds(rows),
        "## By kind of fault",
        f"Repaired, of those tried.\n\n{_of_kinds(rows)}",
        "## What was tried first",
        _of_prescriptions(rows),
        "## Not for a change of settings",
        _of_beyond(),
        _METHOD.format(counted=counted, points=MIN_POINTS, deviations=MIN_DEVIATIONS, most=MOST),
        f"Measured on {measured['date']}, on {measured['processor']}, {measured['cores']} cores.",
    ]
    return "\n\n".join(sections) + "\n"


def write() -> None:
    """Write the page from the rows that are committed."""
    PATH.write_text(render(stamp.kept_rows(), stamp.load()), encoding="utf-8")


def of_strategies(rows: Iterable[Row]) -> str:
    """Return the table of what each strategy comes to."""
    by_strategy = _grouped(rows, lambda row: row.strategy)
    lines = [
        (
            strategy,
            _share(found, lambda row: row.is_repaired),
            _share(found, lambda row: row.is_harmed),
            f"{_mean([row.score - row.unchanged for row in found]):+.1f}",
            f"{_mean([row.trainings for row in found]):.1f}",
        )
        for strategy in (*STRATEGIES, UNCHANGED)
        if (found := by_strategy.get(strategy, []))
    ]
    heads = ("tried", "repaired", "harmed", "points gained", "trainings a fault")
    return _table(heads, lines)


def _bounds(rows: Sequence[Row]) -> str:
    by_strategy = _grouped(rows, lambda row: row.strategy)
    said = []
    for strategy, target in _TARGETS.items():
        share = _hits(by_strategy.get(strategy, []), lambda row: row.is_repaired)
        met = "met" if share >= target else "**missed**"
        said.append(f"{strategy} repairs at least {target:.0%}: {met}")
    harmed = _hits(by_strategy.get(FIRST, []), lambda row: row.is_harmed)
    met = "met" if harmed < _MOST_HARMED else "**missed**"
    said.append(f"it harms under {_MOST_HARMED:.0%}: {met}")
    return f"Meant: {'; '.join(said)}."


def _of_kinds(rows: Iterable[Row]) -> str:
    by_kind = _grouped(rows, lambda row: row.fault)
    lines = []
    for kind, found in sorted(by_kind.items()):
        by_strategy = _grouped(found, lambda row: row.strategy)
        cells = (_count(by_strategy.get(one, [])) for one in (*STRATEGIES, UNCHANGED))
        lines.append((kind.replace("_", " "), *cells))
    return _table(("fault", *STRATEGIES, UNCHANGED), lines)


def _of_prescriptions(rows: Iterable[Row]) -> str:
    first = [row for row in rows if row.strategy == FIRST]
    by_setting = _grouped(first, lambda row: _settings_of(row.tried))
    lines = [
        (setting, str(len(found)), _count(found), str(sum(row.is_harmed for row in found)))
        for setting, found in sorted(by_setting.items(), key=lambda one: -len(one[1]))
    ]
    return _table(("changed", "times", "repaired", "harmed"), lines)


def _settings_of(tried: str) -> str:
    return ", ".join(one.split(" ")[0] for one in tried.split("; ")) if tried else "nothing"


def _of_beyond() -> str:
    return "\n".join(f"- {kind.replace('_', ' ')}: {why}." for kind, why in beyond().items())


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _hits(rows: Sequence[Row], holds: Callable[[Row], bool]) -> float:
    return sum(map(holds, rows)) / len(rows) if rows else 0.0


def _share(rows: Sequence[Row], holds: Callable[[Row], bool]) -> str:
    hits = sum(map(holds, rows))
    low, high = wilson_interval(hits, len(rows))
    return f"{100 * hits / len(rows):.1f} % of {len(rows)} ({100 * low:.1f} to {100 * high:.1f})"


def _count(rows: Sequence[Row]) -> str:
    return f"{sum(row.is_repaired for row in rows)}/{len(rows)}" if rows else ""


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = "| " + " | ".join("---" for _ in heads) + " |"
    return "\n".join(
        [f"| {' | '.join(heads)} |", rule, *(f"| {' | '.join(cells)} |" for cells in lines)]
    )
