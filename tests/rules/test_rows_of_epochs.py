"""Runs of which only rows of one an epoch are stored, as autologging stores them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from tuneguard.findings import Abstained, Finding, Passed
from tuneguard.history import RunHistory
from tuneguard.rules.batch_size import BatchSize
from tuneguard.rules.learning_rate_oscillation import LearningRateOscillation
from tuneguard.rules.learning_rate_too_high import LearningRateTooHigh
from tuneguard.rules.no_learning import NoLearning
from tuneguard.rules.output_loss_mismatch import OutputLossMismatch
from tuneguard.rules.schedule_fault import ScheduleFault
from tuneguard.rules.stopped_too_early import StoppedTooEarly
from tuneguard.rules.underfitting import Underfitting

FloatArray = NDArray[np.float64]

ROWS = 16
EPOCHS = np.arange(float(ROWS))
PARAMS = {"lr": "0.1", "optimizer": "SGD", "batch_size": "64", "epochs": str(ROWS)}


def noise(seed: int, scale: float = 0.02) -> FloatArray:
    return scale * np.random.default_rng(seed).normal(size=ROWS)


def learning(tail: float = 0.3, time: float = 3.0) -> FloatArray:
    """A loss that comes down from ln 10, as means over epochs show it."""
    return tail + (np.log(10.0) - tail) * np.exp(-(EPOCHS + 0.5) / time)


def history(**series: FloatArray) -> RunHistory:
    columns: Mapping[str, FloatArray] = {"learning_rate": np.full(ROWS, 0.1), **series}
    points = {key: enumerate(values.tolist()) for key, values in columns.items()}
    return RunHistory.from_series(points, PARAMS, axis="epoch", status="finished")


@pytest.mark.parametrize("died_after", [0, 1, 2, 4])
def test_a_rate_that_dies_while_the_loss_falls_is_found(died_after: int) -> None:
    """After no row at all: the first of them has a rate far below the one in params."""
    rate = np.where(died_after > EPOCHS, 0.1, 1e-5)
    for seed in range(20):
        stopped = learning()[np.minimum(EPOCHS, died_after).astype(int)]
        rows = history(train_loss=stopped + noise(seed), learning_rate=rate)
        finding = ScheduleFault().check(rows)
        assert isinstance(finding, Finding), seed
        assert finding.evidence[0].steps[0] == pytest.approx(died_after)


def test_a_rate_that_dies_after_the_loss_had_settled_passes() -> None:
    rate = np.where(EPOCHS < 7, 0.1, 1e-5)
    for seed in range(20):
        rows = history(train_loss=learning(time=0.8) + noise(seed), learning_rate=rate)
        assert isinstance(ScheduleFault().check(rows), Passed), seed


@pytest.mark.parametrize(("thrown_back", "expected"), [(1.5, Finding), (0.0, Passed)])
def test_a_leap_shows_in_its_own_row(thrown_back: float, expected: type) -> None:
    has_leapt = EPOCHS >= 8
    for seed in range(20):
        rows = history(
            train_loss=learning() + thrown_back * has_leapt + noise(seed),
            learning_rate=np.where(has_leapt, 2.0, 0.1),
        )
        assert isinstance(ScheduleFault().check(rows), expected), seed


@pytest.mark.parametrize("classes", [3, 10])
@pytest.mark.parametrize("is_twice", [True, False])
def test_a_softmax_applied_twice_tells_the_number_of_classes(classes: int, is_twice: bool) -> None:
    """What a trained model of such probabilities has, beside what it would have had without."""
    right = 0.9 - (0.9 - 1.0 / classes) * np.exp(-(EPOCHS + 0.5) / 2.0)
    for seed in range(20):
        hits = right + noise(seed, 0.005)
        even = -hits * np.log(hits) - (1.0 - hits) * np.log((1.0 - hits) / (classes - 1.0))
        loss = np.log(np.e + classes - 1.0) - hits if is_twice else even
        rows = history(train_loss=loss + noise(seed + 50, 0.01), val_loss=loss, val_accuracy=hits)
        outcome = OutputLossMismatch().check(rows)
        assert isinstance(outcome, Finding) == is_twice, seed
        if isinstance(outcome, Finding):
            assert f"{classes} classes" in outcome.evidence[0].statistic


def test_two_classes_leave_no_mark_of_a_softmax_applied_twice() -> None:
    hits = 0.95 - 0.45 * np.exp(-(EPOCHS + 0.5) / 2.0)
    loss = np.log(np.e + 1.0) - hits
    rows = history(train_loss=loss, val_loss=loss, val_accuracy=100.0 * hits)
    assert isinstance(OutputLossMismatch().check(rows), Abstained)


@pytest.mark.parametrize(
    ("falls", "moves", "is_found"),
    [(0.0, 0.0, True), (0.0, 0.05, False), (1.0, 0.0, False)],
)
def test_a_validation_that_stays_the_same_to_the_last_digit_shows_that_no_weight_moved(
    falls: float, moves: float, is_found: bool
) -> None:
    """Not so where the training loss fell: then the validation measures something else."""
    for seed in range(20):
        rows = history(
            train_loss=1.5 - falls * EPOCHS / ROWS + noise(seed, 0.01),
            val_loss=1.45 - moves * EPOCHS / ROWS,
            val_accuracy=np.full(ROWS, 0.6),
        )
        outcome = NoLearning().check(rows)
        assert isinstance(outcome, Finding) == is_found, seed


@pytest.mark.parametrize(
    ("swing", "is_cyclic", "is_found"),
    [(0.4, False, True), (0.4, True, True), (0.005, False, False), (0.005, True, False)],
)
def test_rows_that_swing_wildly_are_found_whatever_their_noise(
    swing: float, is_cyclic: bool, is_found: bool
) -> None:
    """They are means over many steps: noise of single steps does not move them so far."""
    rate = np.where(is_cyclic & (EPOCHS % 2 == 0), 0.3, 0.1)
    level, way = 1.2 + 0.8 * np.exp(-(EPOCHS + 0.5)), np.where(EPOCHS % 2 == 0, -1.0, 1.0)
    for seed in range(20):
        rows = history(
            train_loss=level * (1.0 + 0.5 * swing * way) + noise(seed, 0.005),
            val_loss=level * (1.0 + swing * way) + noise(seed + 50, 0.005),
            learning_rate=rate,
        )
        outcome = LearningRateOscillation().check(rows)
        assert isinstance(outcome, Finding) == is_found, seed


@pytest.mark.parametrize(
    ("swing", "is_cyclic", "is_found"),
    [(0.18, False, True), (0.18, True, False), (0.06, False, False)],
)
def test_a_large_share_of_the_level_makes_up_for_a_smaller_one_of_the_range(
    swing: float, is_cyclic: bool, is_found: bool
) -> None:
    """Most of the loss is gone, but a third of what is left comes and goes."""
    rate = np.where(is_cyclic & (EPOCHS % 2 == 0), 0.3, 0.1)
    level, way = 0.5 + 1.5 * np.exp(-(EPOCHS + 0.5)), np.where(EPOCHS % 2 == 0, -1.0, 1.0)
    for seed in range(20):
        rows = history(
            train_loss=level * (1.0 + 0.5 * swing * way) + noise(seed, 0.003),
            val_loss=level * (1.0 + swing * way) + noise(seed + 50, 0.003),
            learning_rate=rate,
        )
        outcome = LearningRateOscillation().check(rows)
        assert isinstance(outcome, Finding) == is_found, seed


@pytest.mark.parametrize(("thrown_to", "expected"), [(2.5, Finding), (1.0, Passed)])
def test_a_row_above_chance_that_led_to_guessing_is_an_overshoot(
    thrown_to: float, expected: type
) -> None:
    """One row is a mean over many steps: it need not come twice."""
    factor = np.where(EPOCHS == 1.0, thrown_to, 1.0)
    for seed in range(20):
        rows = history(
            train_loss=np.log(5.0) * factor + noise(seed),
            val_loss=np.log(5.0) + noise(seed + 50),
            val_accuracy=0.2 + noise(seed + 100, 0.01),
        )
        assert isinstance(LearningRateTooHigh().check(rows), expected), seed


@pytest.mark.parametrize(
    ("tail", "below", "expected"),
    [(1.6, 0.6, Finding), (1.6, 0.0, Abstained), (0.5, 0.4, Abstained)],
)
def test_training_kept_far_above_validation_shows_regularisation(
    tail: float, below: float, expected: type
) -> None:
    """Alone, neither a high training loss nor a validation below it says so."""
    for seed in range(20):
        rows = history(
            train_loss=learning(tail) + noise(seed, 0.01),
            val_loss=learning(tail)
            - below * (1.0 - np.exp(-EPOCHS / 3.0))
            + noise(seed + 50, 0.01),
        )
        assert isinstance(Underfitting().check(rows), expected), seed


def single_answer(
    seed: int, *, flips: float = 0.0, leaps: float = 1.0, level: float = 1.0
) -> RunHistory:
    """Rows of a model that answers the same for all samples, but for a share of the rows."""
    rng = np.random.default_rng(seed)
    others = 0.2 + 0.05 * rng.normal(size=ROWS)
    return history(
        train_loss=level * np.log(5.0) * np.where(EPOCHS == 1.0, leaps, 1.0) + noise(seed, 0.004),
        val_loss=level * np.log(5.0) + noise(seed + 50, 0.002),
        val_accuracy=np.where(rng.random(ROWS) < flips, others, 0.205),
    )


@pytest.mark.parametrize(
    ("changed", "is_found"),
    [({}, True), ({"flips": 1.0}, False), ({"leaps": 1.3}, False), ({"level": 0.8}, False)],
    ids=["one answer", "guesses of noisy labels", "an upheaval", "something was learned"],
)
def test_one_answer_for_every_sample_is_no_matter_of_labels(
    changed: dict[str, float], is_found: bool
) -> None:
    for seed in range(20):
        outcome = Underfitting().check(single_answer(seed, **changed))
        assert isinstance(outcome, Finding) == is_found, seed
        if isinstance(outcome, Finding):
            assert outcome.prescriptions[0].parameter == "weight_decay"


def test_one_answer_is_no_matter_of_the_model_where_nothing_moves_or_it_still_learns() -> None:
    falling = np.log(5.0) * (1.0 - 0.02 * EPOCHS / ROWS)
    for validation in (np.full(ROWS, np.log(5.0)), falling):
        rows = history(
            train_loss=validation + noise(0, 1e-5),
            val_loss=validation,
            val_accuracy=np.full(ROWS, 0.205),
        )
        assert not isinstance(Underfitting().check(rows), Finding)


@pytest.mark.parametrize(("score", "is_found"), [(0.0, True), (0.4, False)])
def test_a_regression_that_predicts_the_mean_and_no_more(score: float, is_found: bool) -> None:
    for seed in range(20):
        validation = 0.075 * (1.0 - score) + noise(seed, 1e-5)
        rows = history(
            train_loss=0.076 * (1.0 - score) + noise(seed + 50, 1e-4),
            val_loss=validation,
            val_r2=np.full(ROWS, score),
        )
        assert isinstance(Underfitting().check(rows), Finding) == is_found, seed


def decayed(loss: FloatArray, seed: int, at: int = 8) -> RunHistory:
    rate = np.where(at > EPOCHS, 0.1, np.where(at + 4 > EPOCHS, 0.02, 0.004))
    return history(
        train_loss=loss + noise(seed, 0.01),
        val_loss=loss + noise(seed + 50, 0.005),
        learning_rate=rate,
    )


@pytest.mark.parametrize(("bend", "expected"), [(2.0, Finding), (1.0, Passed), (0.2, Passed)])
def test_a_schedule_may_end_before_the_losses_settle(bend: float, expected: type) -> None:
    """In the time that rates add up to: ever faster, at one pace, ever slower."""
    passed = np.cumsum(np.where(EPOCHS < 8, 1.0, np.where(EPOCHS < 12, 0.2, 0.04)))
    for seed in range(20):
        loss = 2.3 - (passed / passed[-1]) ** bend
        assert isinstance(StoppedTooEarly().check(decayed(loss, seed)), expected), seed


@pytest.mark.parametrize(("setback", "is_found"), [(0.0, True), (0.05, False)])
def test_validation_that_was_the_best_each_time_stands_in_for_noisy_training(
    setback: float, is_found: bool
) -> None:
    """Where it fell behind once, nobody can tell it from noise."""
    validation = 1.64 - 0.002 * EPOCHS
    validation[6] += setback
    for seed in range(20):
        rng = np.random.default_rng(seed)
        wave = 0.001 * np.where(EPOCHS % 2 == 0, 1.0, -1.0) * rng.uniform(0.8, 1.2, ROWS)
        wave[-1] = 0.02  # its last row is no new low
        rows = history(train_loss=1.64 - 0.002 * EPOCHS + wave, val_loss=validation)
        outcome = StoppedTooEarly().check(rows)
        assert isinstance(outcome, Finding) == is_found, seed


def of_batches(samples: str | None, losses: FloatArray, validation: FloatArray) -> RunHistory:
    series = {"train_loss": losses, "val_loss": validation}
    points = {key: enumerate(values.tolist()) for key, values in series.items()}
    size = {} if samples is None else {"batch_size": samples}
    params = {key: value for key, value in PARAMS.items() if key != "batch_size"} | size
    return RunHistory.from_series(points, params, axis="epoch", status="finished")


def test_a_handful_of_samples_a_batch_whose_noise_keeps_the_loss_up_is_found() -> None:
    found = []
    for seed in range(20):
        losses, validation = learning(tail=1.2) + noise(seed, 0.3), learning(tail=1.2)
        finding = BatchSize().check(of_batches("2", losses, validation))
        assert isinstance(finding, Finding), seed
        assert "from row to row" in finding.summary
        found.append(finding.evidence[0].value * losses[0])
    assert np.mean(found) == pytest.approx(0.3, rel=0.2)


@pytest.mark.parametrize(
    ("samples", "scale", "tail"), [("64", 0.2, 1.2), ("2", 0.02, 1.2), ("2", 0.2, 0.3)]
)
def test_large_calm_and_good_batches_pass(samples: str, scale: float, tail: float) -> None:
    for seed in range(20):
        losses = learning(tail=tail) + noise(seed, scale)
        rows = of_batches(samples, losses, learning(tail=tail))
        assert isinstance(BatchSize().check(rows), Passed), seed


def test_without_its_size_nothing_is_said_of_a_batch() -> None:
    outcome = BatchSize().check(of_batches(None, learning(), learning()))
    assert isinstance(outcome, Abstained)
