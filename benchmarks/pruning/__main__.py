"""Train five lists of 60 random trials to their ends, and replay searches over them.

    python -m benchmarks.pruning          # train what is missing, replay, and write the page
    python -m benchmarks.pruning --kept   # replay what is committed, and write the page

What is trained is kept: an interrupted call goes on where it was.
"""

from __future__ import annotations

import argparse
from typing import Any

import optuna

from benchmarks.error_rates.runner import WORKERS, side_by_side
from benchmarks.error_rates.source_digests import ROOT
from benchmarks.pruning import page, results
from benchmarks.pruning.search import REPEATS, drawn
from benchmarks.pruning.training import Trained, train

Planned = tuple[int, int, dict[str, Any]]


def main() -> None:
    """Train what is missing, and write what each pruner made of it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pruning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kept", action="store_true", help="train nothing")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes side by side")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if not options.kept:
        results.save(_trained(options.workers))
    trials, stamp = results.load()
    page.PATH.write_text(page.render(trials, stamp), encoding="utf-8")
    print(f"Written: {page.PATH.relative_to(ROOT)}.")


def _trained(workers: int) -> list[Trained]:
    planned: list[Planned] = [
        (repeat, number, params)
        for repeat in range(REPEATS)
        for number, params in enumerate(drawn(repeat))
    ]
    missing = [one for one in planned if results.find(*one[:2]) is None]
    for _ in side_by_side(_train_and_keep, missing, "trained", workers):
        pass
    found = [results.find(*one[:2]) for one in planned]
    return [one for one in found if one is not None]


def _train_and_keep(planned: Planned) -> None:
    results.keep(train(*planned))


if __name__ == "__main__":
    main()
