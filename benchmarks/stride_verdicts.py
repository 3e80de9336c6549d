"""Ask whether runs whose gradients were sampled get the verdicts of those recorded in full.

    python -m benchmarks.stride_verdicts --seeds 6

Every example is trained twice with each seed: recorded in full, and as by default. What other
strides would have kept is taken out of the full record. Writes
docs/explanation/stride-verdicts.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.example_seeds import Program, alarms_of, programs, scratch_store
from tuneguard import Diagnosis, RunHistory, Series, diagnose, keys, load_run
from tuneguard.recording.schedule import DENSE_STEPS, Look, Schedule

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "stride-verdicts.md"
STRIDES = ((DENSE_STEPS, 5), (DENSE_STEPS, 20), (DENSE_STEPS, 60), (DENSE_STEPS, 200), (20, 200))
LIVE = "default budget"
_OF_UNITS = (keys.DEAD_UNITS, keys.SATURATED_UNITS, keys.ZERO_GRADIENT_UNITS)
_OF_SAMPLES = (keys.GRADIENT_NORM, keys.UPDATE_RATIO, keys.UPDATE_NORM)
_OF_PAIRS = ("gradient", "curvature")


class EveryStep(Schedule):
    """Looks at everything, whatever the budget says."""

    def look(self, step: int) -> Look:  # noqa: ARG002 - whichever step it is
        """Look at `step` closely."""
        return Look.SAMPLE

    def looks_at_units(self, step: int) -> bool:  # noqa: ARG002 - whichever step it is
        """Look at the units of `step`."""
        return True


@dataclass(frozen=True)
class Said:
    """What a diagnosis comes down to."""

    verdict: str
    alarms: tuple[str, ...]
    abstained: frozenset[str]

    @classmethod
    def of(cls, diagnosis: Diagnosis) -> Said:
        """Take it from a diagnosis."""
        abstained = frozenset(one.rule for one in diagnosis.abstained)
        return cls(diagnosis.verdict, alarms_of(diagnosis), abstained)

    def is_that_of(self, other: Said) -> bool:
        """Whether verdict, first alarm and set of alarms are the same."""
        is_first = self.alarms[:1] == other.alarms[:1]
        return self.verdict == other.verdict and is_first and {*self.alarms} == {*other.alarms}

    def apart_from(self, other: Said) -> str:
        """Say in words what differs from `other`."""
        gone = sorted({*other.alarms} - {*self.alarms})
        parts = [f"{name} {'abstained' if name in self.abstained else 'passed'}" for name in gone]
        parts += [f"{name} found as well" for name in sorted({*self.alarms} - {*other.alarms})]
        if self.verdict != other.verdict:
            parts.append(f"verdict {self.verdict} in place of {other.verdict}")
        return ", ".join(parts) or f"first {self.alarms[0]}, not {other.alarms[0]}"


@dataclass(frozen=True)
class Comparison:
    """One run seen through one schedule, beside the whole of it."""

    program: str
    schedule: str
    seed: int
    looked_at: float
    whole: Said
    sampled: Said


def sampled(history: RunHistory, schedule: Schedule) -> RunHistory:
    """Return what would be known of a run, had it been recorded by `schedule`."""
    return replace(
        history,
        series={key: _sampled(key, one, schedule) for key, one in history.series.items()},
    )


def _sampled(key: str, series: Series, schedule: Schedule) -> Series:
    looks_at = _asked_by(key, schedule)
    if looks_at is None:
        return series
    kept = np.array([looks_at(int(step)) for step in series.steps], dtype=bool)
    thinned = Series.from_arrays(key, series.steps[kept], series.values[kept])
    return replace(thinned, axis=series.axis, positions=series.positions[kept])


def _asked_by(key: str, schedule: Schedule) -> Callable[[int], bool] | None:
    """Return what tells of a step whether the schedule asks for `key`; `None` for each does."""

    def is_looked_at(step: int) -> bool:
        return step >= 0 and schedule.look(step) is Look.SAMPLE

    quantity = key.partition("/")[0]
    if quantity in _OF_SAMPLES:
        return is_looked_at
    if quantity in _OF_PAIRS:
        return lambda step: is_looked_at(step) and is_looked_at(step - 1)
    return schedule.looks_at_units if quantity in _OF_UNITS else None


def compare(program: Program, seed: int) -> Iterator[Comparison]:
    """Train a program in full and by default, and yield what each way to sample says of it."""
    with patch("tuneguard.recording.recorder.Schedule", EveryStep):
        whole = load_run(program.train(seed))
    live = load_run(program.train(seed))
    _check(program, seed, whole, live)
    said = Said.of(diagnose(whole))
    views = {LIVE: live}
    for dense, stride in STRIDES:
        views[f"{dense} steps, then {stride}"] = sampled(whole, Schedule(dense, stride))
    for name, history in views.items():
        looked_at = len(history.series[keys.GRADIENT_NORM_GLOBAL]) / len(
            whole.series[keys.TRAIN_LOSS]
        )
        yield Comparison(program.name, name, seed, looked_at, said, Said.of(diagnose(history)))


def _check(program: Program, seed: int, whole: RunHistory, live: RunHistory) -> None:
    """Make sure that the full record is full, and that recording changed nothing.

    Raises:
        RuntimeError: It is not so.
    """
    loss, other = whole.series[keys.TRAIN_LOSS], live.series[keys.TRAIN_LOSS]
    norm = whole.series[keys.GRADIENT_NORM_GLOBAL]
    is_full = len(norm) == len(loss) == loss.span[1] + 1
    if not is_full or not np.array_equal(loss.values, other.values, equal_nan=True):
        raise RuntimeError(
            f"{program.name}, seed {seed}: {len(loss)} and {len(other)} losses, {len(norm)} norms"
        )


def measure(seeds: int) -> list[Comparison]:
    """Compare every program with every seed."""
    found: list[Comparison] = []
    for program in programs():
        own = [one for seed in range(seeds) for one in compare(program, seed)]
        agreed = Counter(one.schedule for one in own if one.sampled.is_that_of(one.whole))
        print(f"{program.name}: {dict(agreed)} of {seeds}", flush=True)
        for one in own:
            if not one.sampled.is_that_of(one.whole):
                print(f"  {one.schedule}, seed {one.seed}: {one.sampled} for {one.whole}")
        found.extend(own)
    return found


def page(found: list[Comparison], seeds: int) -> str:
    """Write the figures as a page of the documentation."""
    schedules = list(dict.fromkeys(one.schedule for one in found))
    names = list(dict.fromkeys(one.program for one in found))
    rows = [_row(name, [one for one in found if one.program == name], schedules) for name in names]
    total = [_agreement([one for one in found if one.schedule == name]) for name in schedules]
    return f"""# Verdicts at other strides

Gradients and updates are sampled: at every one of the first {DENSE_STEPS} steps, then in pairs of
steps as often as the budget allows. Does that change what is said of a run? Each example was
trained with {seeds} seeds by `make stride-verdicts`, and recorded twice: in full, and with the
default budget. What fixed strides would have kept is taken out of the full record, without the
closer looks that the recorder takes after something odd. A diagnosis agrees with that of the full
record where the verdict, the first alarm and the set of all alarms are the same.

| example | {" | ".join(schedules)} |
| --- |{" --- |" * len(schedules)}
{chr(10).join(rows)}
| all | {" | ".join(total)} |

A column says how many steps at the start were looked at, every one, and how far apart the pairs
were after that; "default budget" is what the recorder chose on the machine that wrote this page.
In brackets is the share of all steps that was looked at.

{_differences(found)}
"""


def _row(name: str, own: list[Comparison], schedules: list[str]) -> str:
    cells = []
    for schedule in schedules:
        part = [one for one in own if one.schedule == schedule]
        share = float(np.mean([one.looked_at for one in part]))
        cells.append(f"{_agreement(part)} ({share:.0%})")
    return f"| `{name}` | {' | '.join(cells)} |"


def _agreement(part: list[Comparison]) -> str:
    return f"{sum(one.sampled.is_that_of(one.whole) for one in part)}/{len(part)}"


def _differences(found: list[Comparison]) -> str:
    counted = Counter(
        f"`{one.program}`, {one.schedule}: {one.sampled.apart_from(one.whole)}"
        for one in found
        if not one.sampled.is_that_of(one.whole)
    )
    if not counted:
        return "No diagnosis differed."
    lines = "\n".join(f"- {what} ({count})" for what, count in counted.items())
    return f"""Where they differ, with the number of runs:

{lines}

A gradient that bursts for a single step, between two samples, is not seen. In the example it does
so first within the first hundred steps: it is the dense start that shows it, not the stride. Of a
run that went wrong and shows no burst, `exploding-gradients` abstains, and says at how many steps
it had the gradient."""


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    seeds = parser.parse_args().seeds
    with scratch_store():
        found = measure(seeds)
    PAGE.write_text(page(found, seeds), encoding="utf-8")
    print(f"Written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
