"""The published detectors: each fires on what it was made for, and its formula's edge is kept."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tomllib", reason="the benchmark runs on Python 3.11 or later")

import tomllib

from benchmarks.error_rates import comparators
from benchmarks.error_rates.comparators import COMPARATORS, Comparator, external
from tuneguard.history import RunHistory, Series

STEPS, ROWS = 400, 20
LABELS = Path(comparators.__file__).parents[1] / "labels.toml"
FALL = 0.2 + 2.0 * np.exp(-np.arange(STEPS) / 40.0)
ROW_FALL = FALL[STEPS // ROWS - 1 :: STEPS // ROWS]
LEARNED = np.linspace(0.3, 0.9, ROWS)


def run(
    params: dict[str, object] | None = None, layers: tuple[str, ...] = (), **series: object
) -> RunHistory:
    """A run of 400 steps and 20 validations that learns, with some of its series replaced."""
    values = {
        "train/loss": FALL,
        "validation/loss": ROW_FALL + 0.01,
        "validation/accuracy": LEARNED,
        **{key.replace("__", "/"): np.asarray(one, dtype=float) for key, one in series.items()},
    }
    built = {
        key: Series.from_arrays(key, np.arange(1, len(one) + 1) * (STEPS / len(one)), one)
        for key, one in values.items()
    }
    return RunHistory.from_series(built, params, axis="step", layers=layers)


def layered(first: float, last: float) -> dict[str, object]:
    """Constant gradient norms of a first and a last layer, and an accuracy that stays low."""
    return {
        "layers": ("a", "b"),
        "gradient_norm__a": np.full(STEPS, first),
        "gradient_norm__b": np.full(STEPS, last),
        "validation__accuracy": np.full(ROWS, 0.1),
    }


def known_names() -> set[str]:
    faults = tomllib.loads(LABELS.read_text(encoding="utf-8"))["faults"].values()
    return {name for fault in faults for name in (*fault["names"], *fault["follows"])}


def comparator(name: str) -> Comparator:
    return next(one for one in COMPARATORS if one.name == name)


NAN_LOSS = np.where(np.arange(STEPS) < 300, FALL, np.nan)
ODD_ROWS = np.arange(ROWS) % 2
SIZES = {"layer_sizes": json.dumps({"a": 10_000, "b": 100})}
HALF_DEAD = np.full(STEPS, 0.6)
FIRES: list[tuple[str, str, RunHistory]] = [
    ("AUTOTRAINER", "abnormal loss", run(train__loss=NAN_LOSS)),
    ("AUTOTRAINER", "negative loss", run(validation__loss=ROW_FALL - 1.0)),
    ("AUTOTRAINER", "exploding gradient", run(**layered(80.0, 1.0))),
    ("AUTOTRAINER", "vanishing gradient", run(**layered(5e-5, 0.1))),
    ("AUTOTRAINER", "slow convergence", run(**layered(1.0, 1.0))),
    ("AUTOTRAINER", "not converged", run(validation__accuracy=np.linspace(0.1, 0.5, ROWS))),
    ("AUTOTRAINER", "dying ReLU", run(zero_gradient_units__a=HALF_DEAD + 0.2, **layered(1, 1))),
    ("AUTOTRAINER", "oscillating loss", run(validation__accuracy=0.7 + 0.1 * ODD_ROWS)),
    ("SageMaker Debugger", "ExplodingTensor", run(train__loss=NAN_LOSS)),
    ("SageMaker Debugger", "VanishingGradient", run(SIZES, **layered(9e-6, 1.0))),
    ("SageMaker Debugger", "PoorWeightInitialization", run(SIZES, **layered(0.02, 1.0))),
    ("SageMaker Debugger", "AllZero", run(**layered(0.0, 1.0))),
    ("SageMaker Debugger", "UnchangedTensor", run(update_ratio__a=np.full(STEPS, 9e-6))),
    ("SageMaker Debugger", "WeightUpdateRatio (large)", run(update_ratio__a=[0.1, 11.0])),
    ("SageMaker Debugger", "WeightUpdateRatio (small)", run(update_ratio__a=[0.1, 9e-9])),
    ("SageMaker Debugger", "DeadRelu", run(dead_units__a=HALF_DEAD)),
    ("SageMaker Debugger", "SaturatedActivation", run(saturated_units__a=HALF_DEAD)),
    ("SageMaker Debugger", "LossNotDecreasing", run(train__loss=np.full(STEPS, 2.0))),
    ("SageMaker Debugger", "Overfit", run(validation__loss=1.5 * ROW_FALL)),
    ("SageMaker Debugger", "Overtraining", run()),
    ("UMLAUT", "NaN loss", run(train__loss=NAN_LOSS)),
    ("UMLAUT", "learning rate too high", run(learning_rate=np.full(STEPS, 0.02))),
    ("UMLAUT", "learning rate too low", run(learning_rate=np.full(STEPS, 9e-8))),
    ("UMLAUT", "dropout too high", run({"dropout": 0.6})),
    ("UMLAUT", "overfitting", run(validation__loss=ROW_FALL + 0.2 * ODD_ROWS)),
    ("UMLAUT", "validation accuracy too high", run(validation__accuracy=LEARNED + 0.07)),
    ("TheDeepChecker", "initial loss", run({"num_classes": 2}, train__loss=FALL)),
    ("TheDeepChecker", "diverging loss", run(train__loss=np.append(FALL[:300], FALL[:100]))),
    ("TheDeepChecker", "exploding gradient", run(SIZES, **layered(1.1e8, 1.0))),
    ("TheDeepChecker", "vanishing gradient", run(SIZES, **layered(9e-5, 1.0))),
    ("TheDeepChecker", "dead units", run(dead_units__a=HALF_DEAD)),
    ("TheDeepChecker", "saturated units", run(saturated_units__a=HALF_DEAD)),
    ("TheDeepChecker", "updates too large", run(update_ratio__a=np.full(STEPS, 0.11))),
    ("TheDeepChecker", "updates too small", run(update_ratio__a=np.full(STEPS, 9e-5))),
    ("TheDeepChecker", "loss not decreasing", run()),
    (
        "TheDeepChecker",
        "fluctuating loss",
        run(train__loss=2.0 + np.repeat(np.arange(STEPS // 5) % 2, 5)),
    ),
    ("TheDeepChecker", "loss and metric disagree", run(validation__accuracy=0.5 + 0.1 * ODD_ROWS)),
    ("early stopping, patience 5", "stopped", run(validation__loss=ROW_FALL[::-1])),
    ("early stopping, patience 10", "stopped", run(validation__loss=ROW_FALL[::-1])),
]
STEADY = run(
    {"num_classes": 10, "dropout": 0.5, **SIZES},
    ("a", "b"),
    train__loss=2.4 * 0.985 ** np.arange(STEPS),
    validation__loss=2.4 * 0.985 ** np.arange(19, STEPS, 20),
    learning_rate=np.full(STEPS, 0.01),
    gradient_norm__a=np.full(STEPS, 5.0),
    gradient_norm__b=np.full(STEPS, 5.0),
    update_ratio__a=np.full(STEPS, 1e-3),
    dead_units__a=np.full(STEPS, 0.4),
    saturated_units__a=np.full(STEPS, 0.4),
)


@pytest.mark.parametrize(
    ("name", "signal", "history"), FIRES, ids=[f"{name}-{signal}" for name, signal, _ in FIRES]
)
def test_a_detector_fires_beyond_its_threshold(
    name: str, signal: str, history: RunHistory
) -> None:
    assert signal in comparator(name).signals(history)


def test_every_detector_is_tested_and_names_rules_that_the_labels_know() -> None:
    known = known_names()
    tested = {(name, signal) for name, signal, _ in FIRES}
    for one in COMPARATORS:
        for signal, names in one.names.items():
            assert (one.name, signal) in tested
            assert names
            assert known.issuperset(names)


@pytest.mark.parametrize("one", COMPARATORS, ids=lambda one: one.name)
def test_none_fires_on_a_run_that_falls_steadily(one: Comparator) -> None:
    assert one.signals(STEADY) == ()


def test_the_earliest_alarm_comes_first() -> None:
    late = run(dead_units__a=[0.1, 0.6], saturated_units__a=[0.6, 0.1])
    found = comparator("TheDeepChecker").signals(late)
    assert found.index("saturated units") < found.index("dead units")


def test_one_gradient_problem_hides_those_after_it() -> None:
    both = run(zero_gradient_units__a=np.full(STEPS, 0.9), **layered(80.0, 1.0))
    assert comparator("AUTOTRAINER").signals(both) == ("dying ReLU",)


def test_patience_counts_validations_without_a_new_best() -> None:
    losses = np.append(np.linspace(2.0, 1.0, ROWS - 6), np.full(6, 1.1))
    stopped = run(validation__loss=losses)
    assert comparator("early stopping, patience 5").signals(stopped) == ("stopped",)
    assert comparator("early stopping, patience 10").signals(stopped) == ()


@pytest.mark.parametrize("one", COMPARATORS, ids=lambda one: one.name)
def test_a_run_of_one_loss_is_judged_without_an_error(one: Comparator) -> None:
    assert one.signals(RunHistory.from_series({"loss": [(1, 2.0)]})) == ()


def test_a_table_for_other_tools_has_a_row_for_each_step_and_gaps_where_nothing_was(
    tmp_path: Path,
) -> None:
    external.write_table(run(train__loss=NAN_LOSS), tmp_path / "run.csv")
    rows = list(csv.DictReader((tmp_path / "run.csv").read_text("utf-8").splitlines()))
    assert [row["step"] for row in rows] == [str(step) for step in range(1, STEPS + 1)]
    assert rows[0]["train_loss"] == str(FALL[0])
    assert rows[-1]["train_loss"] == "nan"
    assert [rows[18]["val_loss"], rows[18]["val_accuracy"]] == ["", ""]
    assert float(rows[19]["val_accuracy"]) == pytest.approx(0.3)


def test_other_tools_name_rules_that_the_labels_know() -> None:
    named = {name for tool in external.NAMES.values() for names in tool.values() for name in names}
    assert known_names().issuperset(named)
