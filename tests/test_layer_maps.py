"""Hundreds of layers over a million steps become a table that one look can take in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.diagnosis import diagnose
from tuneguard.findings import LayerMap
from tuneguard.history import RunHistory, Series
from tuneguard.layer_maps import MAX_BLOCKS, MAX_LAYERS, layer_maps

STEPS = np.arange(600)


def norms(count: int, steps=STEPS, value: float = 1.0) -> dict[str, np.ndarray]:
    return {f"layers.{rank}": np.full(len(steps), value) for rank in range(count)}


def run(layers: dict, steps=STEPS, quantity: str = keys.GRADIENT_NORM, **known) -> RunHistory:
    series = {
        f"{quantity}/{name}": Series.from_arrays(name, steps, np.asarray(values, dtype=float))
        for name, values in layers.items()
    }
    return RunHistory.from_series(series, layers=tuple(layers), **known)


def the_map(history: RunHistory) -> LayerMap:
    (only,) = layer_maps(history)
    return only


def extremes(layer_map: LayerMap) -> dict[str, tuple[str, float]]:
    return {one.word: (one.layer, one.value) for one in layer_map.extremes}


def test_a_block_shows_its_median() -> None:
    values = np.where(STEPS % 10 == 0, 50.0, 1.0 + STEPS // 10)
    layer_map = the_map(run({"a": values, "b": values}))
    assert layer_map.values[0] == tuple(1.0 + block for block in range(60))
    assert layer_map.edges == tuple(10.0 * block for block in range(61))


@pytest.mark.parametrize("word", ["NaN", "infinity"])
def test_one_value_that_is_not_finite_marks_its_block(word: str) -> None:
    layers = norms(3)
    layers["layers.1"][123] = math.nan if word == "NaN" else math.inf
    layer_map = the_map(run(layers))
    odd = [at for at, value in enumerate(layer_map.values[1]) if not math.isfinite(value)]
    assert odd == [12]
    assert extremes(layer_map)[f"first {word}"][0] == "layers.1"


def test_what_was_not_measured_is_not_made_up() -> None:
    late = Series.from_arrays("late", STEPS[300:], np.ones(300))
    history = RunHistory.from_series(
        {
            "gradient_norm/early": Series.from_arrays("early", STEPS, np.ones(600)),
            "gradient_norm/late": late,
        }
    )
    early, late_values = the_map(history).values
    assert None not in early
    assert late_values == (None,) * 30 + (1.0,) * 30


@pytest.mark.parametrize(
    "steps",
    [
        np.arange(7),
        np.arange(0, 100_000, 1000),
        np.ravel([[at, at + 1] for at in range(0, 50_000, 500)]),
        np.concatenate([np.arange(50), np.arange(50, 10_000, 400)]),
    ],
    ids=["few", "stride", "pairs", "dense at the start"],
)
def test_blocks_are_as_wide_as_the_sampling_needs(steps) -> None:
    layer_map = the_map(run(norms(2, steps), steps))
    measured = [value is not None for value in layer_map.values[0]]
    assert len(measured) <= min(MAX_BLOCKS, len(steps))
    assert np.mean(measured) >= 0.9
    assert len(measured) >= min(6, MAX_BLOCKS)


@pytest.mark.parametrize("count", [25, 500])
def test_of_many_layers_some_are_shown_and_all_that_stand_out(count: int) -> None:
    layers = norms(count)
    odd = f"layers.{count // 3}"
    layers[odd][500:] = 1e6
    layer_map = the_map(run(layers))
    assert len(layer_map.layers) <= MAX_LAYERS
    assert layer_map.layer_count == count
    assert {odd, "layers.0", f"layers.{count - 1}"} <= set(layer_map.layers)
    assert {one.layer for one in layer_map.extremes} <= set(layer_map.layers)
    ranks = [int(name.partition(".")[2]) for name in layer_map.layers]
    assert ranks == sorted(ranks)


def test_extremes_name_the_layer_and_when() -> None:
    layers = norms(5)
    layers["layers.1"][590:] = 64.0
    layers["layers.2"][300:] = 0.125
    layers["layers.4"][:] = 0.0
    layer_map = the_map(run(layers))
    assert extremes(layer_map) == {
        "highest": ("layers.1", 64.0),
        "lowest above 0": ("layers.2", 0.125),
        "rose most, last block over first": ("layers.1", 64.0),
        "fell most, last block over first": ("layers.2", 0.125),
        "most often 0": ("layers.4", 0.0),
    }
    assert layer_map.extremes[0].steps == (590, 599)


def test_a_layer_that_is_nan_throughout_is_shown() -> None:
    layers = norms(2)
    layers["layers.1"][:] = math.nan
    layer_map = the_map(run(layers))
    assert all(map(math.isnan, layer_map.values[1]))


def test_nothing_finite_at_all_still_gives_a_map() -> None:
    layer_map = the_map(run(norms(2, value=math.inf)))
    assert [one.word for one in layer_map.extremes] == ["first infinity"]


def test_a_single_layer_or_none_needs_no_map() -> None:
    assert layer_maps(run(norms(1))) == ()
    assert layer_maps(RunHistory.from_series({"loss": [(1, 1.0)]})) == ()


def test_both_quantities_have_their_map() -> None:
    history = run(norms(2))
    ratios = run(norms(2), quantity=keys.UPDATE_RATIO)
    both = RunHistory.from_series({**history.series, **ratios.series})
    assert [one.quantity for one in layer_maps(both)] == [keys.GRADIENT_NORM, keys.UPDATE_RATIO]


def test_the_diagnosis_marks_where_its_findings_begin() -> None:
    loss = np.where(STEPS < 300, 3.0 - STEPS / 150, math.nan)
    history = run(norms(2))
    diagnosis = diagnose(
        RunHistory.from_series(
            {
                "train/loss": Series.from_arrays("train/loss", STEPS, loss),
                **history.series,
            }
        )
    )
    assert diagnosis.findings[0].rule == "non-finite-values"
    assert diagnosis.layers[0].marks == ((300.0, "non-finite-values"),)
