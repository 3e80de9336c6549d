from __future__ import annotations

import math
import random
import re
import warnings
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from tuneguard.findings import LayerExtreme, LayerMap
from tuneguard.reports.layer_figure import color
from tuneguard.reports.layer_scale import LEVELS, ColorScale, stretches
from tuneguard.reports.layer_wording import common_beginning, facts, short_names
from tuneguard.reports.svg import describe_layers, draw_layers

SVG = "{http://www.w3.org/2000/svg}"


def table(*rows: tuple[float | None, ...], count: int | None = None) -> LayerMap:
    return LayerMap(
        quantity="gradient_norm",
        layers=tuple(f"layers.{rank}" for rank in range(len(rows))),
        edges=tuple(float(edge) for edge in range(len(rows[0]) + 1)),
        values=rows,
        layer_count=count or len(rows),
        extremes=(),
    )


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def lightness(level: int) -> float:
    red, green, blue = (int(color(level)[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_colours_differ_in_lightness_alone():
    steps = [lightness(level) for level in range(LEVELS)]
    assert steps == sorted(steps)
    assert steps[-1] - steps[0] > 150


def test_a_scale_spans_what_nearly_all_values_do():
    row = tuple(10.0 ** (at / 50) for at in range(100))
    low, high = ColorScale.of(table((1e30, *row), (1e-30, *row))).ends
    assert 1.0 <= low < 1.2
    assert 80 < high < 100


def test_small_differences_do_not_look_like_a_landscape():
    values = (1.0, 1.01, 1.02, 1.0)
    scale = ColorScale.of(table(values, values))
    levels = [scale.level(value) for value in values]
    assert max(levels) - min(levels) <= 1


@pytest.mark.parametrize("value", [5e-324, 1.797e308, 1.0])
def test_any_positive_value_has_a_colour(value):
    scale = ColorScale.of(table((value, value), (value, value)))
    assert 0 <= scale.level(value) < LEVELS
    assert all(map(math.isfinite, scale.ends))


def test_what_has_no_colour_has_a_sign():
    shown = stretches(table((math.nan, math.inf, 0.0, -1.0, None), (None,) * 5), None)
    assert [(one.row, one.first, one.stop, one.look) for one in shown] == [
        (0, 0, 2, "not finite"),
        (0, 2, 4, "0 or less"),
        (0, 4, 5, "not measured"),
        (1, 0, 5, "not measured"),
    ]


@pytest.mark.parametrize(
    "layer_map",
    [
        table((None, None), (None, None)),
        table((math.nan,), (0.0,)),
        table((5e-324, 1.797e308), (1.0, None)),
        replace(table((1.0,), (2.0,)), marks=((math.nan, "x"), (99.0, "y"), (0.5, "z"))),
        replace(table((1.0,), (2.0,)), edges=(0.0, 1e18)),
    ],
    ids=["nothing", "signs only", "all doubles", "odd marks", "far steps"],
)
def test_any_map_is_drawn_without_a_warning(layer_map):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = draw_layers(layer_map)
    assert ET.fromstring(svg).tag == f"{SVG}svg"


def test_signs_are_explained_where_they_occur(samples):
    assert {"not finite", "0 or less", "not measured"} <= set(
        texts(draw_layers(samples.layer_map()))
    )
    assert not {"not finite", "0 or less"} & set(texts(draw_layers(table((1.0,), (2.0,)))))


def test_layers_marks_and_axis_are_named(samples):
    shown = texts(draw_layers(samples.layer_map()))
    assert {
        "stem",
        "blocks.0.attention",
        "head",
        "learning-rate-too-high",
        "optimizer step",
    } <= set(shown)


def test_it_can_be_understood_without_seeing_it(samples):
    layer_map = replace(samples.layer_map(), layer_count=500)
    root = ET.fromstring(draw_layers(layer_map))
    named = {element.get("id"): element.text for element in root}
    title, description = (named[name] for name in root.attrib["aria-labelledby"].split())
    assert title == "Gradient norm of the layers"
    assert description == describe_layers(layer_map)
    for words in (
        "3 of 500 layers",
        "4 blocks of time, from step 0 to 600",
        "Marked: learning-rate-too-high, step 412.",
        "Highest: 32000 in layer stem, steps 300 to 449.",
    ):
        assert words in description


def test_the_largest_map_is_small():
    draws = random.Random(0)
    rows = tuple(tuple(draws.lognormvariate(0, 3) for _ in range(60)) for _ in range(24))
    assert len(draw_layers(table(*rows))) < 60_000


def test_names_lose_what_they_share_and_keep_their_ends():
    layers = [f"model.decoder.layers.{rank}.attention.output.dense" for rank in (7, 8)]
    assert common_beginning(layers) == "model.decoder.layers."
    assert short_names(layers) == ["7.attention.output.dense", "8.attention.output.dense"]
    assert common_beginning(["encoder.1", "encoder.10", "head"]) == ""
    assert "leave out model.decoder.layers." in " ".join(
        facts(replace(table((1.0,), (1.0,)), layers=tuple(layers)))
    )


def test_hostile_layers_are_shown_as_they_are(hostiles):
    rows = table(*((1.0,) for _ in hostiles))
    extremes = tuple(LayerExtreme(text, text, (0, 1), 2.0) for text in hostiles[:6])
    layer_map = replace(rows, layers=hostiles, quantity=hostiles[0], extremes=extremes)
    svg = draw_layers(layer_map)
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "desc", "defs", "g", "path", "use", "text", "clipPath", "rect"}
    assert set(re.findall(r"<([a-z]+)", svg, re.IGNORECASE)) <= tags
    assert "$x$ and $$y$$" in texts(svg)
    assert len(svg) < 60_000
