"""Measure how much time of a processor each rule takes on a long run.

    python -m benchmarks.rule_time

Prints milliseconds for each rule on runs of ten thousand, a hundred thousand and a million steps,
with ten series of a value a step, and how the time of a whole diagnosis is spent on a small run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from tuneguard import RunHistory, diagnose, keys
from tuneguard.history import Series
from tuneguard.layer_maps import layer_maps
from tuneguard.pictures import overview
from tuneguard.rule import Rule
from tuneguard.rules import BUILTIN_RULES

LENGTHS = (10_000, 100_000, 1_000_000)
SMALL_RUN = 600
SMALL_LAYERS = 8
VALIDATIONS = 200
REPEATS = 5


def long_run(steps: int, layers: int = 2) -> RunHistory:
    """Return a healthy classification with six series of its own and two for each layer."""
    generator = np.random.default_rng(0)
    at = np.arange(float(steps))
    left = np.exp(-at / (0.1 * steps))

    def noisy(level: float | np.ndarray, spread: float) -> np.ndarray:
        return np.asarray(level * np.exp(spread * generator.normal(size=steps)))

    columns = {
        keys.TRAIN_LOSS: noisy(0.2 + 2.1 * left, 0.1),
        f"{keys.LEARNING_RATE}/0": 0.05 * (1.0 + np.cos(np.pi * at / steps)),
        keys.GRADIENT_NORM_GLOBAL: noisy(0.5 + left, 0.3),
        keys.UPDATE_RATIO_GLOBAL: noisy(2e-3, 0.2),
        keys.STEP_SECONDS: noisy(0.01, 0.05),
        keys.DATA_WAIT_FRACTION: noisy(0.05, 0.1),
    }
    for index in range(layers):
        columns[f"{keys.GRADIENT_NORM}/layer{index}"] = noisy(0.3 + left, 0.3)
        columns[f"{keys.UPDATE_RATIO}/layer{index}"] = noisy(2e-3, 0.3)
    series = {key: Series.from_arrays(key, at, values) for key, values in columns.items()}
    validated = np.arange(1, VALIDATIONS + 1) * (steps // VALIDATIONS) - 1
    for key, values in (
        (keys.VALIDATION_LOSS, 0.25 + 2.1 * left[validated]),
        (f"{keys.VALIDATION}/accuracy", 0.9 * (1.0 - left[validated])),
    ):
        series[key] = Series.from_arrays(key, at[validated], values)
    return RunHistory.from_series(
        series,
        {"lr": 0.1, "optimizer": "SGD", "num_classes": 10, "task": "classification"},
        axis="step",
        status="finished",
        layers=[f"layer{index}" for index in range(layers)],
        source="record",
    )


def seconds(action: Callable[..., object], *arguments: object) -> float:
    """Return how much time of a processor an action takes."""
    started = time.process_time()
    action(*arguments)
    return time.process_time() - started


def asked(rule: Rule, history: RunHistory) -> None:
    """Ask a rule, if the run has what it needs."""
    if all(one.missing_from(history) is None for one in rule.requires):
        rule.check(history)


def rule_seconds(steps: int) -> dict[str, float]:
    """Ask each rule once, in their order: what several need is computed for the first of them."""
    history = long_run(steps)
    return {rule.name: seconds(asked, rule(), history) for rule in BUILTIN_RULES}


def print_rules() -> None:
    """Print how long each rule takes, the slowest first, and all of them together."""
    found = [rule_seconds(steps) for steps in LENGTHS]
    print(f"{'rule time, ms':28}" + "".join(f"{steps:>12,}" for steps in LENGTHS))
    for name in sorted(found[-1], key=found[-1].__getitem__, reverse=True):
        print(f"{name:28}" + "".join(f"{1e3 * times[name]:12.1f}" for times in found))
    print(f"{'all':28}" + "".join(f"{1e3 * sum(times.values()):12.1f}" for times in found))


def print_small_run() -> None:
    """Print how the time of a diagnosis is spent on a small run: the least of several."""
    runs = [long_run(SMALL_RUN, SMALL_LAYERS) for _ in range(REPEATS)]
    parts = {
        "rules": min(sum(seconds(asked, rule(), run) for rule in BUILTIN_RULES) for run in runs),
        "pictures": min(seconds(overview, run) for run in runs),
        "maps of layers": min(seconds(layer_maps, run) for run in runs),
        "a second diagnosis": min(seconds(diagnose, run) for run in runs),
    }
    print(f"\n{SMALL_RUN} steps, {len(runs[0].series)} series, ms")
    for name, spent in parts.items():
        print(f"{name:28}{1e3 * spent:12.1f}")


if __name__ == "__main__":
    print_rules()
    print_small_run()
