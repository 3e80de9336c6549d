"""`python -m benchmarks.synthetic_noise`: count false alarms on healthy runs drawn at random."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

from benchmarks.synthetic_noise import page
from benchmarks.synthetic_noise.counting import PHIS, Said, counted, said_of


def measured(runs: int, processes: int) -> list[Said]:
    """Ask every rule about so many healthy runs at each phi."""
    cells = list(product(range(runs), PHIS))
    seeds, phis = [seed for seed, _ in cells], [phi for _, phi in cells]
    with ProcessPoolExecutor(processes) as pool:
        return [one for said in pool.map(said_of, seeds, phis, chunksize=20) for one in said]


def main() -> None:
    """Measure, print what was raised, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthetic_noise")
    parser.add_argument("--runs", type=int, default=page.RUNS, help="healthy runs at each phi")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--raised", type=Path, help="also write every finding into this file")
    options = parser.parse_args()
    said = measured(options.runs, options.processes)
    raised = [
        f"{one.rule}\t{one.severity}\tphi={one.phi:g}\t{one.form}\tpoints={one.points}\t"
        f"seed={one.seed}\t{one.summary}"
        for one in said
        if one.severity is not None
    ]
    if options.raised is not None:
        options.raised.write_text("\n".join(sorted(raised)) + "\n", encoding="utf-8")
    rows = page.table(counted(said))
    print("\n".join(rows))
    if options.runs == page.RUNS:
        page.write(rows)


if __name__ == "__main__":
    main()
