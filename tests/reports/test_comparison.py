"""A comparison as text, Markdown, HTML, JSON and pictures."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from tuneguard import RunHistory, compare
from tuneguard.comparison import Change
from tuneguard.comparison.result import Band, BandPicture, RuleCount
from tuneguard.findings import Severity
from tuneguard.history import RunIdentity
from tuneguard.reports.comparison import phrases
from tuneguard.reports.comparison.document import to_document, to_json
from tuneguard.reports.comparison.html import render_html
from tuneguard.reports.comparison.markdown import render_markdown
from tuneguard.reports.comparison.svg import describe, draw
from tuneguard.reports.comparison.text import render_text


def run(end, seed, name="run"):
    at = np.arange(40)
    noise = 0.01 * np.random.default_rng(seed).normal(size=40)
    loss = end + 2.0 * np.exp(-at / 6.0) + noise
    return RunHistory.from_series(
        {"validation/loss": list(zip((20.0 * at).tolist(), loss.tolist(), strict=True))},
        {"lr": end},
        axis="step",
        status="finished",
        identity=RunIdentity(name=name),
    )


@pytest.fixture(scope="module")
def comparison():
    return compare(run(0.5, 1, "slow"), run(0.2, 2, "quick"))


@pytest.fixture(scope="module")
def of_groups():
    return compare(
        [run(0.5, seed) for seed in range(3)], [run(0.2, 9 + seed) for seed in range(3)]
    )


@pytest.mark.parametrize(
    "render", [lambda one: render_text(one, color=False), render_markdown, render_html]
)
def test_every_report_says_what_why_and_what_is_left_open(render, comparison):
    text = " ".join(render(comparison).split())
    for part in ("BETTER", "validation loss", "0.5", "0.2", "learning", "slow", "quick"):
        assert part.lower() in text.lower()
    assert "assumed" in text
    assert "repeat both with other seeds" in text


def test_colours_and_curves_can_be_switched_off(comparison):
    plain = render_text(comparison, color=False, curves=False)
    assert plain.isascii()
    coloured = render_text(comparison, color=True)
    assert "\x1b[1;32mBETTER\x1b[0m" in coloured
    assert "█" in coloured


def test_no_line_is_wider_than_the_terminal(comparison):
    assert max(map(len, render_text(comparison, color=False, width=60).splitlines())) <= 60


def test_a_shorter_run_has_a_shorter_curve():
    before = run(0.5, 1)
    points = before.series["validation/loss"]
    short = zip(points.steps[:20].tolist(), points.values[:20].tolist(), strict=True)
    after = RunHistory.from_series({"validation/loss": list(short)}, axis="step")
    lines = render_text(compare(before, after), color=False).splitlines()
    longer, shorter = (
        next(one for one in lines if word in one) for word in ("   before ", "   after ")
    )
    assert 0 < sum(one in "▁▂▃▄▅▆▇█" for one in shorter) < len(longer) - 20


def test_groups_say_in_how_many_runs_something_was_found(of_groups):
    found = RuleCount("divergence", "TG402", Severity.CRITICAL, 3, 1)
    said = dict(phrases.findings(replace(of_groups, findings=(found,))))
    assert said == {"still there": "Divergence (TG402, critical) in 3 of 3 before, 1 of 3 after"}


def test_many_changes_are_cut_short(comparison):
    many = tuple(Change(f"setting {i}", "1", None) for i in range(20))
    said = phrases.changes(replace(comparison, changes=many))
    assert said[0] == "setting 0: 1 -> (not recorded)"
    assert said[-1] == "and 8 more"


def test_the_document_is_strict_json_with_everything(of_groups):
    document = json.loads(to_json(of_groups))
    assert document["schema_version"] == "1"
    assert document["verdict"] == "better"
    assert document["effects"][0]["noise_is"] == "measured"
    assert document["changes"] == [{"name": "learning_rate", "before": "0.5", "after": "0.2"}]
    assert len(document["before"]) == 3


def test_numbers_that_are_not_finite_are_words_in_the_document(comparison):
    effect = replace(comparison.effects[0], before=math.nan, after=math.inf, noise=-math.inf)
    document = to_document(replace(comparison, effects=(effect,)))
    shown = document["effects"][0]
    assert (shown["before"], shown["after"], shown["noise"]) == ("NaN", "Infinity", "-Infinity")
    json.dumps(document, allow_nan=False)


def test_the_picture_has_both_curves_their_bands_and_the_span(comparison, of_groups):
    for one, words in (
        (comparison, "the noise of the points"),
        (of_groups, "the range of the runs"),
    ):
        picture = one.pictures[0]
        root = ET.fromstring(draw(picture))
        assert root.get("role") == "img"
        assert {"before", "after"} <= {text.strip() for text in root.itertext()}
        assert words in describe(picture)
        assert "Shaded" in describe(picture)


def test_the_same_picture_is_the_same_file(comparison):
    assert draw(comparison.pictures[0]) == draw(comparison.pictures[0])


@pytest.mark.parametrize("values", [(1.0,), (5.0, 5.0), (math.nan, 1.0), (1.0, 1e308)])
def test_odd_curves_are_drawn(values):
    at = tuple(float(i) for i in range(len(values)))
    band = Band("before", at, values, values, values)
    ET.fromstring(draw(BandPicture("loss", "step", (band,), None, several=False)))


def test_hostile_texts_do_nothing_in_any_report(comparison, hostile):
    bad = replace(
        comparison,
        reason=hostile,
        before=(RunIdentity(name=hostile),),
        changes=(Change(hostile, hostile, hostile),),
        notes=(hostile,),
        effects=(replace(comparison.effects[0], measure=hostile, key=hostile),),
        pictures=(replace(comparison.pictures[0], measure=hostile, axis=hostile),),
    )
    text = render_text(bad, color=False)
    assert text.replace("\n", "").isprintable()
    html = render_html(bad)
    assert "<script" not in html
    assert "<img" not in html
    markdown = render_markdown(bad)
    assert "<script" not in markdown
    assert "[c](" not in markdown
    assert "![d](" not in markdown
    assert to_json(bad).isascii()


def test_the_page_reaches_for_nothing_outside(comparison):
    page = render_html(comparison)
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page
