"""Shared samples, drawn: leaks of any size are told from data that repeat themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tuneguard.statistics.split_overlap import ERROR, SplitOverlap, lower_bound, upper_bound

Draw = Callable[[np.random.Generator, int], np.ndarray]
RATIO = 3.0


def overlap_of(trained: np.ndarray, validated: np.ndarray) -> SplitOverlap:
    known, copies = np.unique(validated, return_counts=True)
    distinct, own_copies = np.unique(trained, return_counts=True)
    return SplitOverlap(
        len(validated),
        copies[copies > 1].sum(),
        len(trained),
        len(distinct),
        own_copies[own_copies > 1].sum(),
        np.isin(trained, known).sum(),
        np.isin(known, distinct).sum(),
    )


def continuous(draw: np.random.Generator, count: int) -> np.ndarray:
    return draw.integers(2**62, size=count)


SOURCES: dict[str, Draw] = {
    "all different": continuous,
    "a thousand values": lambda draw, count: draw.integers(1_000, size=count),
    "a million values": lambda draw, count: draw.integers(1_000_000, size=count),
    "a few common values": lambda draw, count: draw.zipf(1.5, count),
    "a tail of rare values": lambda draw, count: draw.zipf(1.1, count) % 2**40,
    "one blank in ten": lambda draw, count: np.where(
        draw.random(count) < 0.1, 0, continuous(draw, count)
    ),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("sizes", [(200, 5_000), (2_000, 2_000), (5_000, 300)], ids=str)
def test_splits_of_one_source_share_what_they_repeat(source: str, sizes: tuple[int, int]) -> None:
    draw = np.random.default_rng(0)
    for _ in range(100):
        validated, trained = (SOURCES[source](draw, size) for size in sizes)
        assert overlap_of(trained, validated).excess(RATIO) < 1.0
        epochs = draw.choice(trained, 2 * len(trained))
        assert overlap_of(epochs, validated).excess(RATIO) < 1.0


@pytest.mark.parametrize(
    ("validated", "trained", "leaked"),
    [(400, 2_000, 1.0), (400, 8_000, 0.1), (10_000, 60_000, 0.01), (200, 2_000, 0.2)],
    ids=str,
)
@pytest.mark.parametrize("copies", [1, 12])
def test_leaks_are_told(validated: int, trained: int, leaked: float, copies: int) -> None:
    draw = np.random.default_rng(1)
    for _ in range(20):
        validation = continuous(draw, validated)
        known = np.repeat(validation[: round(leaked * validated)], copies)
        training = draw.permutation(np.concatenate([continuous(draw, trained), known]))
        assert overlap_of(training, validation).excess(RATIO) > 1.0


def test_a_leak_among_data_that_repeat_themselves_is_told() -> None:
    draw = np.random.default_rng(2)
    blank = SOURCES["one blank in ten"]
    validation = blank(draw, 400)
    training = np.concatenate([blank(draw, 4_000), validation[:200]])
    assert overlap_of(training, validation).excess(RATIO) > 1.0


def test_copies_of_training_samples_alone_are_no_leak() -> None:
    draw = np.random.default_rng(3)
    training = np.repeat(continuous(draw, 1_000), 12)
    assert overlap_of(training, continuous(draw, 400)).excess(RATIO) == 0.0


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("trials", [10, 500])
def test_bounds_hold_the_share_as_often_as_they_say(share: float, trials: int) -> None:
    measured = np.random.default_rng(4).binomial(trials, share, 4_000) / trials
    values, counts = np.unique(measured, return_counts=True)
    above = sum(
        n for one, n in zip(values, counts, strict=True) if lower_bound(one, trials) > share
    )
    below = sum(
        n for one, n in zip(values, counts, strict=True) if upper_bound(one, trials) < share
    )
    assert max(above, below) / 4_000 <= 3.0 * ERROR


def test_counts_that_cannot_be_are_told() -> None:
    assert SplitOverlap(10, 0, 20, 20, 0, 5, 5).is_possible
    assert not SplitOverlap(10, 0, 20, 21, 0, 5, 5).is_possible
    assert not SplitOverlap(10, 0, 20, 20, 0, 5, 11).is_possible
    assert not SplitOverlap(10, -1, 20, 20, 0, 5, 5).is_possible
