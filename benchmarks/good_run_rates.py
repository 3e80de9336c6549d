"""How often a healthy run is said to leave the range of good ones, and how often a faulty one.

    python -m benchmarks.good_run_rates

reads what `make error-rates` trained. Each of the eight healthy twins of a program is compared
with the seven others, and each manifest fault of that program with all eight.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from benchmarks.error_rates.cache import Cache, read
from benchmarks.error_rates.plan import BASE, RunSpec, full_plan, programs_of
from benchmarks.error_rates.views import recorded
from tuneguard.good_runs import BesideGoodRuns, beside_good_runs
from tuneguard.good_runs.departures import MARGIN
from tuneguard.history import RunHistory
from tuneguard.statistics.proportions import wilson_interval

Half = Literal["calibrating", "reporting"]


def main() -> None:
    """Print a line for each half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--margin", type=float, default=MARGIN)
    parser.add_argument("--half", choices=get_args(Half), action="append")
    parser.add_argument("--faults", action="store_true", help="also read the faulty runs")
    asked = parser.parse_args()
    cache = Cache(any_recorder=True)
    for half in asked.half or get_args(Half):
        healthy, faulty = [], []
        for program in programs_of(half):
            twins = _histories(cache, [one for one in full_plan() if _is_twin(one, program)])
            for place, one in enumerate(twins):
                others = [*twins[:place], *twins[place + 1 :]]
                healthy.append(beside_good_runs(one, others, margin=asked.margin))
            if asked.faults:
                specs = [one for one in full_plan() if one.program == program and one.fault]
                faulty += [
                    beside_good_runs(one, twins, margin=asked.margin)
                    for one in _each(cache, specs)
                ]
        print(f"{half}: healthy runs {_share(healthy)}; {_by_metric(healthy)}")
        if asked.faults:
            print(f"{half}: faulty runs {_share(faulty)}; {_by_metric(faulty)}")


def _is_twin(spec: RunSpec, program: str) -> bool:
    return spec.program == program and spec.fault is None and spec.variant == BASE


def _histories(cache: Cache, specs: Sequence[RunSpec]) -> list[RunHistory]:
    return list(_each(cache, specs))


def _each(cache: Cache, specs: Sequence[RunSpec]) -> Iterator[RunHistory]:
    for spec in specs:
        path = cache.find(spec)
        if path is not None:
            yield recorded(read(path))


def _share(results: Sequence[BesideGoodRuns]) -> str:
    judged = [one for one in results if one.compared]
    said = sum(bool(one.departures) for one in judged)
    low, high = wilson_interval(said, len(judged))
    share = said / len(judged) if judged else 0.0
    return f"{said} of {len(judged)} ({share:.1%}, {low:.1%} to {high:.1%})"


def _by_metric(results: Sequence[BesideGoodRuns]) -> str:
    names = [departure.metric for one in results for departure in one.departures]
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing said"


if __name__ == "__main__":
    main()
