"""A measurement logged under two names is noticed; two equal results are not accused."""

from __future__ import annotations

import math

import pytest

from tuneguard.history import RunHistory


def notes(train: list[float], validation: list[float], name: str = "acc") -> tuple[str, ...]:
    series = {f"train_{name}": list(enumerate(train)), f"val_{name}": list(enumerate(validation))}
    return RunHistory.from_series(series).notes


@pytest.mark.parametrize("name", ["acc", "loss"])
def test_the_same_numbers_are_noted(name: str) -> None:
    (note,) = notes([0.1, math.nan, 0.3], [0.1, math.nan, 0.3], name)
    assert f"'train_{name}' and 'val_{name}' hold the same numbers" in note


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ([0.1, 0.2, 0.3], [0.1, 0.2, 0.4]),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
        ([0.5, 0.4], [0.5, 0.4]),
    ],
    ids=["different", "both perfect", "too few"],
)
def test_what_may_be_chance_is_not(train: list[float], validation: list[float]) -> None:
    assert notes(train, validation) == ()
