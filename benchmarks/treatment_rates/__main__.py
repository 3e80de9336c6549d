"""Treat ten kinds of fault with ten seeds each, and count how many become healthy.

python -m benchmarks.treatment_rates             # all of it; writes the page
python -m benchmarks.treatment_rates --seeds 2   # fewer; writes nothing
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.cost.results import conditions
from benchmarks.error_rates.outcomes import MIN_DEVIATIONS, MIN_POINTS, Level
from benchmarks.error_rates.runner import WORKERS, side_by_side
from benchmarks.error_rates.source_digests import ROOT
from benchmarks.treatment_rates.patients import PATIENTS
from benchmarks.treatment_rates.treating import RUNS, Treated, treated, twin_score

PAGE = ROOT / "docs" / "explanation" / "treatment-rates.md"
RESULTS = Path(__file__).parent / "results.json"
SEEDS, TWINS, FIRST_SEED = 10, 8, 300

_HEAD = """\
# Treatment rates

Written by `make treatment-rates`. Ten kinds of fault, {seeds} seeds each, are treated as
`tuneguard treat` does it: train, diagnose, change what is prescribed first of what the parameters
can express, train again, keep or revert, in at most {runs} trainings. *Healthy* is a diagnosis
without any alarm. *As good as healthy twins* is a model whose score on test data is within
{points:g} points or {deviations:g} standard deviations of those of {twins} healthy trainings."""


def render(found: Sequence[Treated], levels: dict[str, Level], measured: dict[str, object]) -> str:
    """Return the page."""
    lines = [
        "| fault | program | seen at first | healthy | as good as twins | trainings, mean |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for patient in PATIENTS:
        own = [one for one in found if one.called == patient.called]
        level = levels[patient.program]
        good = sum(not level.is_missed_by(one.score) for one in own)
        mean = sum(one.trainings for one in own) / len(own)
        cells = (
            *(patient.called, patient.program),
            *(f"{count}/{len(own)}" for count in (sum(one.was_found for one in own),)),
            *(f"{count}/{len(own)}" for count in (sum(one.is_healthy for one in own), good)),
            f"{mean:.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    head = _HEAD.format(
        seeds=measured["seeds"],
        runs=RUNS,
        points=MIN_POINTS,
        deviations=MIN_DEVIATIONS,
        twins=TWINS,
    )
    where = f"Measured on {measured['date']}, on {measured['processor']}."
    return f"{head}\n\n" + "\n".join(lines) + f"\n\n{where}\n"


def main() -> None:
    """Treat all patients, and say or write what became of them."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.treatment_rates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", help="only the fault that is called so")
    parser.add_argument("--workers", type=int, default=WORKERS)
    options = parser.parse_args()
    patients = [one for one in PATIENTS if options.only in {None, one.called}]
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    tasks = [(patient, seed) for patient in patients for seed in seeds]
    found = []
    for one in side_by_side(treated, tasks, "treated", options.workers):
        print(json.dumps(asdict(one)), flush=True)
        found.append(one)
    if options.seeds < SEEDS or options.only:
        return
    found.sort(key=lambda one: (one.called, one.seed))
    programs = sorted({one.program for one in PATIENTS})
    twins = [(program, seed) for program in programs for seed in range(TWINS)]
    scores: dict[str, list[float]] = {program: [] for program in programs}
    for program, score in side_by_side(twin_score, twins, "twins trained", options.workers):
        scores[program].append(score)
    measured = {**conditions(), "seeds": options.seeds}
    RESULTS.write_text(
        json.dumps({"measured": measured, "treated": [asdict(one) for one in found]}, indent=1)
        + "\n",
        encoding="utf-8",
    )
    levels = {program: Level.of(own) for program, own in scores.items()}
    PAGE.write_text(render(found, levels, measured), encoding="utf-8")
    print(f"\nWritten: {PAGE.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
