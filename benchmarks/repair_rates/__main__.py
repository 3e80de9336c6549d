"""Train faulty models again with what was prescribed for them, and count what is repaired.

    python -m benchmarks.repair_rates                     # the reporting half; writes the page
    python -m benchmarks.repair_rates --quick             # a tenth of it; writes nothing
    python -m benchmarks.repair_rates --half calibrating  # to develop prescriptions; run by run
    python -m benchmarks.repair_rates --half rehearsal    # the same on programs of neither half

It starts from the trainings that `make error-rates` keeps. What is trained is kept as well: an
interrupted call goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.error_rates.cache import Cache
from benchmarks.error_rates.figures import is_named
from benchmarks.error_rates.judges import FORMS
from benchmarks.error_rates.judging import judge_all
from benchmarks.error_rates.labels import HALVES, REHEARSAL, Part, half_of
from benchmarks.error_rates.outcomes import Level, Standing
from benchmarks.error_rates.plan import BASE, full_plan, rehearsal_plan
from benchmarks.error_rates.rows import Row as Judged
from benchmarks.error_rates.rows import rows_of
from benchmarks.error_rates.runner import WORKERS, mixed
from benchmarks.error_rates.source_digests import ROOT
from benchmarks.repair_rates import page, stamp
from benchmarks.repair_rates.kinds import repairable
from benchmarks.repair_rates.rows import Row, rows_of_one
from benchmarks.repair_rates.strategies import FIRST, STRATEGIES, THREE
from benchmarks.repair_rates.trials import Trial, outcomes, planned

RECORDED = FORMS[0]
QUICK = 10


def main() -> None:
    """Retrain what is missing, and say or write what was repaired."""
    options = _parser().parse_args()
    cache = Cache(any_recorder=True)
    judged = _judged(options.half, cache, options.workers)
    levels = _levels(judged)
    if not levels:
        raise SystemExit("Nothing is trained yet: run `make error-rates` first.")
    named = [row for row in judged if _is_to_be_repaired(row, levels)]
    drawn = _drawn(named, QUICK if options.quick else options.every)
    strategies = (FIRST, THREE) if options.prescribed else STRATEGIES
    rows = _repaired(drawn, levels, cache, strategies, options.workers)
    where = "rehearsal" if options.half == REHEARSAL else f"{options.half} half"
    print(f"{len(drawn)} of {len(named)} named faults of the {where}\n")
    print(page.of_strategies(rows))
    if options.half != "reporting":
        _explain(rows)
    elif not (options.quick or options.prescribed):
        stamp.save(rows, tried=len(drawn), named=len(named))
        page.write()
        print(f"\nWritten: {page.PATH.relative_to(ROOT)}.")


def _judged(part: Part, cache: Cache, workers: int) -> list[Judged]:
    specs = (
        rehearsal_plan()
        if part == REHEARSAL
        else [spec for spec in full_plan() if half_of(spec.program) == part]
    )
    kept = [spec for spec in specs if cache.find(spec) is not None]
    return rows_of(judge_all(kept, [RECORDED], cache, workers), {RECORDED: RECORDED})


def _levels(judged: Sequence[Judged]) -> dict[str, Level]:
    scores: dict[str, list[float]] = {}
    for row in judged:
        if row.spec.fault is None and row.spec.variant == BASE:
            scores.setdefault(row.spec.program, []).append(row.score)
    return {program: Level.of(found) for program, found in scores.items()}


def _is_to_be_repaired(row: Judged, levels: dict[str, Level]) -> bool:
    """Whether a fault shows in the score, is named, and can be repaired at all."""
    return (
        row.standing is Standing.MANIFEST
        and row.spec.fault in repairable()
        and levels[row.spec.program].is_missed_by(row.score)
        and is_named(row, RECORDED)
    )


def _drawn(named: Sequence[Judged], every: int) -> list[Judged]:
    """Return one in so many faults, in an order that depends on nothing but each of them."""
    by_spec = {row.spec: row for row in named}
    return [by_spec[spec] for spec in mixed(by_spec)[::every]]


def _repaired(
    drawn: Sequence[Judged],
    levels: dict[str, Level],
    cache: Cache,
    strategies: Sequence[str],
    workers: int,
) -> list[Row]:
    plans = {
        spec: {name: tried for name, tried in plan.items() if name in strategies}
        for spec, plan in planned([row.spec for row in drawn], cache).items()
    }
    trials = [
        Trial(spec, one) for spec, plan in plans.items() for it in plan.values() for one in it
    ]
    ended = outcomes(trials, workers)
    rows: list[Row] = []
    for one in drawn:
        level = levels[one.spec.program]
        rows += rows_of_one(
            one.spec, plans[one.spec], ended, one.score, (level.mean, level.deviation)
        )
    return rows


def _explain(rows: Sequence[Row]) -> None:
    """Say run by run what came of everything that was tried."""
    for row in rows:
        if row.strategy == page.UNCHANGED:
            print(
                f"\n{row.program}, {row.fault} {row.strength}, seed {row.seed}: "
                f"{row.unchanged:.1f} points, twins {row.twin:.1f} (tolerance {row.tolerance:.1f})"
            )
            continue
        word = "repaired" if row.is_repaired else "harmed" if row.is_harmed else "-"
        print(f"  {row.strategy}: {row.score:.1f} {word}, {row.tried or 'nothing to try'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.repair_rates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--half", choices=(*HALVES, REHEARSAL), default="reporting")
    parser.add_argument("--quick", action="store_true", help=f"one fault in {QUICK}")
    parser.add_argument("--every", type=int, default=1, help="one fault in so many")
    parser.add_argument(
        "--prescribed",
        action="store_true",
        help="try what is prescribed alone, and not what it is held against; writes nothing",
    )
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes side by side")
    return parser


if __name__ == "__main__":
    main()
