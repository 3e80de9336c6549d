"""The page that says how often rules take exception to healthy noise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.noise_rates import placed
from benchmarks.synthetic_noise.counting import PHIS, Count

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/explanation/noise-rates.md"
RUNS: Final = 1000
MOST_ALARMS: Final = 3


def table(counts: Iterable[tuple[str, dict[float, Count]]]) -> list[str]:
    """Return the rows of the table: alarms, advice and judged runs of each rule at each phi."""
    rows = [
        f"| rule | {' | '.join(f'φ = {phi:g}' for phi in PHIS)} |",
        f"| --- | {' | '.join('---:' for _ in PHIS)} |",
    ]
    for rule, by_phi in counts:
        rows.append(f"| {rule} | {' | '.join(_cell(by_phi[phi]) for phi in PHIS)} |")
    return rows


def _cell(count: Count) -> str:
    return f"{count.alarms} + {count.advice} of {count.judged}"


def write(rows: list[str]) -> None:
    """Put the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(placed(text, "noise", rows), encoding="utf-8")
