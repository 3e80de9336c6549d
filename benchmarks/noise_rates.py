"""Count how often plain tests raise an alarm on noise that has nothing wrong with it.

    python benchmarks/noise_rates.py

Writes the tables of docs/explanation/why-these-statistics.md between their markers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import signal, stats

from tuneguard.statistics.bursts import bursts
from tuneguard.statistics.robust import noise_scale, trailing_median

FloatArray: TypeAlias = NDArray[np.float64]
PAGE = Path(__file__).resolve().parent.parent / "docs/explanation/why-these-statistics.md"
TREND_RUNS = 2000
SPIKE_RUNS = 200
TREND_CASES = ((100, 0.0), (100, 0.5), (100, 0.9), (300, 0.9), (300, 0.97))
SPREADS = (0.1, 0.3, 0.6, 1.0)
WINDOW = 50


def autoregressive(generator: np.random.Generator, points: int, carried: float) -> FloatArray:
    """Draw stationary noise of which each point carries over a share of the one before."""
    burn_in = 500
    shocks = generator.normal(size=points + burn_in)
    return np.asarray(signal.lfilter([1.0], [1.0, -carried], shocks)[burn_in:])


def rises_by_least_squares(values: FloatArray) -> bool:
    """Test for an upward trend by ordinary least squares, one-sided 5 %."""
    fit = stats.linregress(np.arange(len(values)), values)
    return bool(fit.slope > 0.0 and fit.pvalue / 2.0 < 0.05)


def rises_by_mann_kendall(values: FloatArray) -> bool:
    """Test for an upward trend by Mann and Kendall, one-sided 5 %."""
    tau = stats.kendalltau(np.arange(len(values)), values)
    return bool(tau.statistic > 0.0 and tau.pvalue / 2.0 < 0.05)


def rises_in_medians(values: FloatArray) -> bool:
    """The same on medians of ten points."""
    return rises_by_mann_kendall(np.median(values.reshape(-1, 10), axis=1))


def spikes_by_mean(values: FloatArray) -> bool:
    """Whether a point is three standard deviations above the mean of the points before."""
    past = np.lib.stride_tricks.sliding_window_view(values[:-1], WINDOW)
    limit = past.mean(axis=1) + 3.0 * past.std(axis=1)
    return bool((values[WINDOW:] > limit).any())


def spikes_by_deviation(values: FloatArray) -> bool:
    """Whether a point is six robust standard deviations above the median of those before."""
    above = values - trailing_median(values, WINDOW, WINDOW)
    return bool((above[WINDOW:] > 6.0 * noise_scale(values)).any())


def spikes_by_logarithm(values: FloatArray) -> bool:
    """The test of tuneguard: on logarithms, with a ratio of three."""
    return len(bursts(values, min_ratio=3.0, min_z=6.0)[0]) > 0


def spikes_by_ratio(values: FloatArray) -> bool:
    """Whether a point is ten times the median of those before."""
    past = trailing_median(values, WINDOW, WINDOW)
    return bool((values[WINDOW:] > 10.0 * past[WINDOW:]).any())


def share(test: Callable[[FloatArray], bool], series: list[FloatArray]) -> str:
    """Return the share of series on which a test raises an alarm."""
    return f"{np.mean([test(one) for one in series]):.1%}"


def trend_rows(generator: np.random.Generator) -> list[str]:
    """Return a row of the table of trend tests for each kind of noise."""
    tests = (rises_by_least_squares, rises_by_mann_kendall, rises_in_medians)
    rows = ["| points | φ | least squares | Mann-Kendall | on medians of 10 |"]
    rows.append("| ---: | ---: | ---: | ---: | ---: |")
    for points, carried in TREND_CASES:
        series = [autoregressive(generator, points, carried) for _ in range(TREND_RUNS)]
        cells = " | ".join(share(test, series) for test in tests)
        rows.append(f"| {points} | {carried:g} | {cells} |")
    return rows


def spike_rows(generator: np.random.Generator) -> list[str]:
    """Return a row of the table of spike tests for each spread of the noise."""
    tests = (spikes_by_mean, spikes_by_deviation, spikes_by_ratio, spikes_by_logarithm)
    rows = ["| spread | mean + 3 deviations | 6 robust deviations | 10 x median | on logarithms |"]
    rows.append("| ---: | ---: | ---: | ---: | ---: |")
    for spread in SPREADS:
        series = [np.exp(spread * generator.normal(size=1000)) for _ in range(SPIKE_RUNS)]
        cells = " | ".join(share(test, series) for test in tests)
        rows.append(f"| {spread:g} | {cells} |")
    return rows


def placed(page: str, name: str, rows: list[str]) -> str:
    """Put rows between the markers of a table."""
    table = f"<!-- {name} -->\n" + "\n".join(rows) + f"\n<!-- end {name} -->"
    return re.sub(f"<!-- {name} -->.*?<!-- end {name} -->", table, page, flags=re.DOTALL)


def main() -> None:
    """Measure, and write the tables."""
    generator = np.random.default_rng(0)
    page = PAGE.read_text(encoding="utf-8")
    for name, rows in (("trends", trend_rows(generator)), ("spikes", spike_rows(generator))):
        print("\n".join(rows))
        page = placed(page, name, rows)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
