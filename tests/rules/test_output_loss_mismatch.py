"""Activations that do not fit the loss, by the recorded operations and by the floor."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.output_loss_mismatch import OutputLossMismatch


def with_graph(runs: ModuleType, graph: str, train: np.ndarray | None = None) -> RunHistory:
    run = runs.healthy(0) if train is None else runs.healthy(0).having(train=train)
    history: RunHistory = replace(run, params={**runs.PARAMS, "loss_graph": graph}).history()
    return history


@pytest.mark.parametrize(
    "graph",
    [
        "NllLoss < LogSoftmax < Softmax < Addmm",
        "Div < NllLoss < LogSoftmax < Relu < Addmm",
        "NllLoss2D < LogSoftmax < Sigmoid < Convolution",
        "Add < NllLoss < LogSoftmax < Tanh < Addmm; Add < MseLoss < Addmm",
        "BinaryCrossEntropyWithLogits < Sigmoid < Addmm",
        "NllLoss < Softmax < Addmm",
    ],
)
def test_what_stands_between_the_layer_and_its_loss_is_found(graph: str, runs: ModuleType) -> None:
    finding = OutputLossMismatch().check(with_graph(runs, graph))
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].parameter == "output_activation"


@pytest.mark.parametrize(
    "graph",
    [
        "NllLoss < LogSoftmax < Addmm",
        "NllLoss < LogSoftmax < LogSoftmax < Addmm",
        "NllLoss < LogSoftmax < Mean < Relu < Convolution",
        "NllLoss < LogSoftmax < Mul < Tanh < Addmm",
        "NllLoss < LogSoftmax < CompiledFunction",
        "BinaryCrossEntropy < Sigmoid < Addmm",
        "MseLoss < Sigmoid < Addmm",
        "Neg < Mean < Log < Softmax < Addmm",
    ],
)
def test_what_fits_or_does_no_harm_passes(graph: str, runs: ModuleType) -> None:
    train = 0.1 * runs.healthy(0).values("train/loss")
    assert isinstance(OutputLossMismatch().check(with_graph(runs, graph, train)), Passed)


def test_a_regression_whose_targets_leave_the_range_is_found(runs: ModuleType) -> None:
    train = runs.fall(runs.steps(), 1.2, 0.6) + 0.02 * runs.noise(1, runs.STEPS)
    finding = OutputLossMismatch().check(with_graph(runs, "MseLoss < Sigmoid < Addmm", train))
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.6 / 0.25, rel=0.1)
    summed = with_graph(runs, "MseLoss(sum) < Sigmoid < Addmm", 0.3 * train)
    assert isinstance(OutputLossMismatch().check(summed), Finding)
    learned = runs.fall(runs.steps(), 120.0, 9.0)
    summed = with_graph(runs, "MseLoss(sum) < Sigmoid < Addmm", learned)
    assert isinstance(OutputLossMismatch().check(summed), Passed)


def test_a_logarithm_of_a_probability_is_found_once_it_became_infinite(
    runs: ModuleType,
) -> None:
    train = runs.healthy(0).values("train/loss")
    train[300:] = np.inf
    finding = OutputLossMismatch().check(
        with_graph(runs, "Neg < Mean < Log < Softmax < Addmm", train)
    )
    assert isinstance(finding, Finding)
    assert finding.prescriptions[0].parameter == "loss_function"


@pytest.mark.parametrize(
    ("end", "accuracy", "is_found"),
    [(1.53, 0.93, True), (1.53, 0.4, False), (0.3, 0.93, False), (1.9, 0.93, False)],
)
def test_without_operations_the_floor_and_the_accuracy_tell(
    end: float, accuracy: float, is_found: bool, runs: ModuleType
) -> None:
    level = runs.fall(runs.steps(), runs.CHANCE, end, 60.0)
    train = np.maximum(level + 0.01 * runs.noise(0, runs.STEPS), 1.4612 if end > 1.0 else 0.0)
    run = runs.scored(runs.healthy(0).having(train=train), 0, np.full(30, accuracy))
    outcome = OutputLossMismatch().check(run.history())
    assert isinstance(outcome, Finding) is is_found


def test_without_operations_and_accuracy_nobody_can_tell(runs: ModuleType) -> None:
    assert isinstance(OutputLossMismatch().check(runs.healthy(0).history()), Abstained)
