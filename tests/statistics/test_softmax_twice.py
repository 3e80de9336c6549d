"""The mark of a softmax applied twice: against losses that are computed from one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuneguard.statistics.softmax_twice import softmax_twice


def cross_entropy(scores: np.ndarray, labels: np.ndarray) -> float:
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return float((log_sums - shifted[np.arange(len(labels)), labels]).mean())


def trained(classes: int, *, is_twice: bool) -> tuple[np.ndarray, np.ndarray]:
    """Losses and accuracies of logits that grow certain, or as certain as they are right."""
    draw = np.random.default_rng(0)
    labels = draw.integers(classes, size=4_000)
    told = np.where(draw.random(4_000) < 0.8, labels, draw.integers(classes, size=4_000))
    losses, hits = [], []
    most = 12.0 if is_twice else math.log(0.8 / 0.2 * (classes - 1))
    for certain in np.linspace(0.0, most, 16):
        logits = 0.1 * draw.normal(size=(4_000, classes))
        logits[np.arange(4_000), told] += certain
        odds = np.exp(logits)
        scores = odds / odds.sum(axis=1, keepdims=True) if is_twice else logits
        losses.append(cross_entropy(scores, labels))
        hits.append(float((logits.argmax(axis=1) == labels).mean()))
    return np.array(losses), np.array(hits)


@pytest.mark.parametrize("classes", [3, 5, 10])
def test_the_number_of_classes_follows_from_loss_and_accuracy(classes: int) -> None:
    losses, hits = trained(classes, is_twice=True)
    found = softmax_twice(losses, losses, hits)
    assert found is not None
    assert found.classes == classes
    assert found.floor == pytest.approx(math.log1p((classes - 1) / math.e))
    assert found.distance < 0.05
    assert found.lowest > 0.0
    assert found.slope == pytest.approx(1.0, abs=0.3)


def test_a_single_softmax_began_higher_than_the_classes_allow_that_its_end_would_need() -> None:
    losses, hits = trained(10, is_twice=False)
    found = softmax_twice(losses, losses, hits)
    assert found is not None
    assert found.classes < 10
    assert found.highest > 1.5


@pytest.mark.parametrize(
    ("losses", "hits"),
    [
        ([1.0] * 3, [0.5] * 3),
        ([1.0] * 9, [1.0] * 9),
        ([math.nan] * 9, [0.5] * 9),
        ([-1.0] * 9, [0.5] * 9),
        ([800.0] * 9, [0.5] * 9),
        ([1.0] * 9, [0.5] * 8),
    ],
)
def test_what_is_no_classification_tells_nothing(losses: list[float], hits: list[float]) -> None:
    assert softmax_twice(np.array(losses), np.array(losses), np.array(hits)) is None
