from __future__ import annotations

import math
import re
import warnings
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import matplotlib as mpl
import pytest

from tuneguard.findings import Line, Picture, View
from tuneguard.reports.figure import SETTINGS
from tuneguard.reports.svg import describe, draw
from tuneguard.reports.untrusted import terminal_safe

SVG = "{http://www.w3.org/2000/svg}"
WHITE, NEAR_BLACK = "#ffffff", "#171b21"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def ids(svg: str) -> list[str]:
    return re.findall(r'\sid="([^"]*)"', svg)


def contrast(first: str, second: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def odd_pictures() -> dict[str, Picture]:
    nan = math.nan
    steps = tuple(range(300))
    return {
        "no lines": Picture(View(()), ()),
        "no points": Picture(View(("a",)), (Line("a", (), ()),)),
        "one point": Picture(
            View(("a",), threshold=1.0, log_scale=True), (Line("a", (5,), (1,)),)
        ),
        "only NaN": Picture(View(("a",), log_scale=True), (Line("a", (1, 2), (nan, nan)),)),
        "all doubles": Picture(
            View(("a",), log_scale=True), (Line("a", (1, 2, 3), (5e-324, 1.0, 1.7e308)),)
        ),
        "constant": Picture(View(("a",), log_scale=True), (Line("a", steps, (0.001,) * 300),)),
        "every second NaN": Picture(
            View(("a",)), (Line("a", steps, tuple(nan if step % 2 else 1.0 for step in steps)),)
        ),
        "view of NaN": Picture(
            View(("a",), span=(nan, 2), threshold=math.inf, marks=((nan, "x"),)),
            (Line("a", (1, 2), (1, 2)),),
        ),
    }


@pytest.fixture(scope="module")
def diverged(samples) -> str:
    return draw(samples.diverged_picture())


@pytest.fixture(params=odd_pictures().values(), ids=odd_pictures().keys())
def odd(request) -> Picture:
    return request.param


def test_any_picture_is_drawn_without_a_warning(odd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = draw(odd)
    assert ET.fromstring(svg).tag == f"{SVG}svg"
    assert len(svg) < 40_000


def test_the_same_picture_is_drawn_the_same(samples, diverged):
    assert diverged == draw(samples.diverged_picture())


def test_pictures_on_one_page_share_no_id(samples, diverged):
    first, second = diverged, draw(samples.overfitted_picture())
    again = draw(samples.diverged_picture(), salt="again")
    everything = [*ids(first), *ids(second), *ids(again)]
    assert len(everything) == len(set(everything))


def test_every_reference_has_its_target(samples):
    svg = draw(samples.overfitted_picture())
    references = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
    assert references
    assert {one or other for one, other in references} <= set(ids(svg))


def test_a_picture_brings_no_rule_and_no_address_into_the_page(diverged):
    svg = diverged
    assert "<style" not in svg
    assert "<?xml" not in svg
    assert "<!DOCTYPE" not in svg
    assert set(re.findall(r"https?://[^\"]*", svg)) == {"http://www.w3.org/2000/svg"}


def test_a_picture_is_small(diverged):
    steps = tuple(float(step) for step in range(300))
    noisy = tuple(
        Line(f"metric{rank}", steps, tuple(math.sin(step * step + rank) for step in steps))
        for rank in range(4)
    )
    assert len(draw(Picture(View(("metric0",)), noisy))) < 40_000
    assert len(diverged) < 40_000


def test_values_that_are_not_finite_are_named(diverged):
    shown = texts(diverged)
    assert {"NaN", "inf, then NaN"} <= set(shown)


def test_limit_marks_and_lines_are_named(diverged):
    shown = texts(diverged)
    assert {"limit 18", "departure", "lowest loss", "train/loss", "gradient_norm/global"} <= set(
        shown
    )
    assert "optimizer step" in shown


def test_epochs_are_called_epochs(samples):
    assert "epoch" in texts(draw(samples.overfitted_picture()))


def test_values_outside_of_the_frame_are_named():
    steps = tuple(range(100))
    values = tuple(50.0 / (step + 1) + 0.02 * max(0, step - 40) for step in steps)
    svg = draw(Picture(View(("loss",), span=(60, 99)), (Line("loss", steps, values),)))
    assert "↑ 50" in texts(svg)


def test_hostile_names_are_shown_as_they_are(hostile):
    picture = Picture(View((hostile,), marks=((1, hostile),)), (Line(hostile, (1, 2), (1, 2)),))
    svg = draw(picture)
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "desc", "defs", "g", "path", "use", "text", "clipPath", "rect"}
    name = terminal_safe(hostile)
    if 0 < len(name) <= 30:
        assert any(name in shown.replace("\u200a", "") for shown in texts(svg))


def test_it_can_be_understood_without_seeing_it(samples, diverged):
    root = ET.fromstring(diverged)
    named = {element.get("id"): element.text for element in root}
    title, description = (named[name] for name in root.attrib["aria-labelledby"].split())
    assert root.get("role") == "img"
    assert title == "train/loss, gradient_norm/global"
    assert description == describe(samples.diverged_picture())
    assert "412 to 598" in description


def test_drawing_leaves_the_settings_of_the_process_alone(samples):
    before = dict(mpl.rcParams)
    draw(samples.diverged_picture())
    assert dict(mpl.rcParams) == before


def test_threads_draw_what_one_thread_draws(samples, diverged):
    with ThreadPoolExecutor(3) as pool:
        drawn = list(pool.map(draw, [samples.diverged_picture()] * 3))
    assert drawn == [diverged] * 3


def test_every_colour_is_visible_on_white_and_on_near_black(samples):
    steps = (1.0, 2.0)
    lines = tuple(Line(f"m{rank}", steps, (1.0 + rank, 2.0)) for rank in range(6))
    svg = draw(Picture(View(("m0",)), lines))
    strokes = set(re.findall(r"stroke: (#[0-9a-f]{6})", svg))
    assert len(strokes) == 6 + 1
    assert all(min(contrast(c, WHITE), contrast(c, NEAR_BLACK)) > 3.5 for c in strokes)


def test_neighbouring_lines_differ_by_more_than_colour():
    lines = tuple(Line(f"m{rank}", (1, 2), (1.0 + rank, 2.0)) for rank in range(4))
    svg = draw(Picture(View(("m0",)), lines))
    dashes = [
        re.search("stroke-dasharray: ([^;]*)", style)
        for style in re.findall(r'clip-path="[^"]*" style="(fill: none[^"]*)"', svg)
        if "stroke-width: 1.8" in style
    ]
    patterns = [found and found[1] for found in dashes]
    assert len(patterns) == 4
    assert all(one != other for one, other in pairwise(patterns))


def test_dense_neighbours_differ_by_their_shapes():
    steps = tuple(range(300))
    lines = tuple(Line(f"m{rank}", steps, (1.0 + rank, 2.0) * 150) for rank in range(4))
    svg = draw(Picture(View(("m0",)), lines))
    shapes = re.findall(r'<path id="m\w+" d="([^"]*)" style="stroke: #(?!7a7a7a)', svg)
    assert len(set(shapes)) == 3
    assert "stroke-dasharray" not in svg


def test_labels_are_never_read_as_mathematics():
    assert SETTINGS["text.parse_math"] is False
    svg = draw(Picture(View(("$x^2$",)), (Line("$x^2$", (1, 2), (1, 2)),)))
    assert "$x^2$" in texts(svg)
