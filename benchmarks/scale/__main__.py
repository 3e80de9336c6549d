"""`python -m benchmarks.scale`: measure reading and scanning, and write their page."""

from __future__ import annotations

import argparse

from benchmarks.cost.results import save
from benchmarks.scale import fleet, page, reading


def main() -> None:
    """Measure what is asked for, and write the page from all figures that are kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--part", choices=["reading", "fleet", "page"], action="append")
    parser.add_argument("--runs", type=int, default=fleet.RUNS, help="how many small runs")
    options = parser.parse_args()
    parts = options.part or ["reading", "fleet"]
    if "reading" in parts:
        save("reading", reading.measure(), page.FOLDER)
    if "fleet" in parts:
        save("fleet", fleet.measure(options.runs), page.FOLDER)
    page.write()


if __name__ == "__main__":
    main()
