"""Train small models, faulty and healthy, and count the errors of their diagnoses.

    python -m benchmarks.error_rates                              # all of it; writes the page
    python -m benchmarks.error_rates --quick                      # a tenth; writes nothing
    python -m benchmarks.error_rates --half calibrating --explain # run by run, to fit thresholds
    python -m benchmarks.error_rates --half calibrating --explain overfitting
    python -m benchmarks.error_rates --half rehearsal             # of programs in no figure

What was trained and said is kept: an interrupted call goes on where it was.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable

from benchmarks.error_rates import page, reporting, stamp
from benchmarks.error_rates.cache import Cache
from benchmarks.error_rates.explanation import explained, explained_live, explained_of_rule
from benchmarks.error_rates.judges import COMPARED, FORMS, LIVE, one_rule_on
from benchmarks.error_rates.judging import judge_all
from benchmarks.error_rates.labels import HALVES, REHEARSAL, half_of
from benchmarks.error_rates.outcomes import MIN_TWINS
from benchmarks.error_rates.plan import (
    BASE,
    RunSpec,
    full_plan,
    programs_of,
    quick_plan,
    rehearsal_plan,
)
from benchmarks.error_rates.rows import rows_of
from benchmarks.error_rates.runner import WORKERS, train_missing
from benchmarks.error_rates.source_digests import ROOT
from benchmarks.error_rates.tables import of_forms, of_rules, of_tools
from tuneguard.rules import BUILTIN_RULES


def main() -> None:
    """Train what is missing, judge, and say or write what was found."""
    parser = _parser()
    options = parser.parse_args()
    if options.explain is not None and options.half not in {"calibrating", REHEARSAL}:
        parser.error("runs of the reporting half are not explained: --half calibrating")
    if options.half == REHEARSAL and options.quick:
        parser.error("--quick takes a tenth of the halves: choose of the rehearsal by --programs")
    specs = chosen(options)
    cache = Cache(any_recorder=options.keep_records)
    if not options.no_training:
        train_missing(specs, cache, options.workers)
    if old := cache.of_another_recorder(specs):
        print(f"{old} of {len(specs)} records are of another version of the recorder.")
    specs = with_twins(spec for spec in specs if cache.find(spec) is not None)
    if not specs:
        print("Nothing is trained of what was asked for.")
    elif options.explain is not None or options.half == REHEARSAL:
        _explain(specs, cache, options)
    else:
        _count(specs, cache, options)


def _count(specs: list[RunSpec], cache: Cache, options: argparse.Namespace) -> None:
    judged = judge_all(specs, (*FORMS, LIVE, COMPARED), cache, options.workers)
    rows = rows_of(judged, {form: form for form in FORMS})
    halves = {half: [row for row in rows if half_of(row.spec.program) == half] for half in HALVES}
    if halves["reporting"]:
        stamp.log_look(page.headline(halves["reporting"]), runs=_extent(specs))
    for half, found in halves.items():
        if found:
            print(f"\n{half.capitalize()} half, {len(found)} runs\n")
            print("\n\n".join([of_forms(found), of_tools(found), of_rules(found)]))
    if set(specs) == set(full_plan()):
        reporting.keep(halves, of_another_recorder=cache.of_another_recorder(specs))
        print(f"\nWritten: {page.PATH.relative_to(ROOT)}. Now run `make docs`.")


def _explain(specs: list[RunSpec], cache: Cache, options: argparse.Namespace) -> None:
    rule = options.explain
    if options.form == LIVE:
        for line in explained_live(judge_all(specs, [LIVE], cache, options.workers)):
            print(line)
        return
    judge = one_rule_on(options.form, rule) if rule else options.form
    judged = judge_all(specs, [judge], cache, options.workers)
    if rule:
        lines = explained_of_rule(judged, options.form, rule, judge)
    else:
        lines = explained(judged, options.form)
    for line in lines:
        print(line)


def chosen(options: argparse.Namespace) -> list[RunSpec]:
    """Return the runs that the options ask for; twins always go along with their programs."""
    plan = _plan(options)
    halves = HALVES if options.half == "both" else (options.half,)
    programs = {program for half in halves for program in programs_of(half)}
    if options.programs:
        programs &= set(options.programs.split(","))
    found = [spec for spec in plan if spec.program in programs]
    if options.faults:
        kinds = set(options.faults.split(","))
        found = [spec for spec in found if spec.variant == BASE and spec.fault in {None, *kinds}]
    return found


def _plan(options: argparse.Namespace) -> tuple[RunSpec, ...]:
    if options.half == REHEARSAL:
        return rehearsal_plan()
    return quick_plan() if options.quick else full_plan()


def _extent(specs: list[RunSpec]) -> str:
    """Say how many runs of the reporting half are among these."""
    every = [spec for spec in full_plan() if half_of(spec.program) == "reporting"]
    return f"{len(set(specs) & set(every))} of {len(every)}"


def with_twins(specs: Iterable[RunSpec]) -> list[RunSpec]:
    """Return the runs of programs that have enough healthy twins to be compared with."""
    found = list(specs)
    twins = Counter(one.program for one in found if one.fault is None and one.variant == BASE)
    left_out = sorted({one.program for one in found if twins[one.program] < MIN_TWINS})
    if left_out:
        print(f"Left out until {MIN_TWINS} twins are trained: {', '.join(left_out)}")
    return [one for one in found if one.program not in left_out]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.error_rates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    rules = [rule.name for rule in BUILTIN_RULES]
    parser.add_argument("--half", choices=[*HALVES, "both", REHEARSAL], default="both")
    parser.add_argument("--quick", action="store_true", help="a fixed tenth of the runs")
    parser.add_argument("--programs", help="only these base programs, separated by commas")
    parser.add_argument("--faults", help="only these kinds of fault, and the healthy twins")
    parser.add_argument(
        "--form", choices=[*FORMS, LIVE], default=FORMS[0], help="what is explained"
    )
    parser.add_argument(
        "--explain",
        nargs="?",
        const="",
        choices=["", *rules],
        metavar="RULE",
        help="say run by run what all rules said, or a single one",
    )
    parser.add_argument(
        "--keep-records",
        action="store_true",
        help="use what another version of the recorder recorded, too",
    )
    parser.add_argument("--no-training", action="store_true", help="only what is trained already")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes side by side")
    return parser


if __name__ == "__main__":
    main()
