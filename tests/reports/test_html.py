from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from tuneguard.reports.html import render_html

VOID = {"meta", "br", "img", "link", "hr", "input", "wbr"}
NEVER = {"script", "iframe", "object", "embed", "link", "base", "form", "img", "foreignobject"}


class Page(HTMLParser):
    """A page read strictly: every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend((tag, name, value or "") for name, value in attrs)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values_of(self, name: str) -> list[str]:
        return [value for _, each, value in self.attributes if each == name]


@pytest.fixture(scope="module")
def html(diagnosis) -> str:
    return render_html(diagnosis)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


@pytest.fixture
def diverged(samples, undrawn) -> str:
    """The text of the page about a diverged run."""
    return Page(render_html(samples.diverged())).text


@pytest.fixture(scope="module")
def harmless(samples) -> Page:
    return Page(render_html(samples.with_text("name")))


def test_the_page_loads_nothing(html):
    assert set(re.findall(r"[a-z]+://[^\"' <]*", html)) <= {
        "http://www.w3.org/2000/svg",
        "sqlite:////home/ada/project/mlflow.db",
    }
    assert "url(" not in re.sub(r"url\(#\w+\)", "", html)
    assert "@import" not in html


def test_the_page_runs_nothing(page):
    assert not NEVER & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.values_of("content")


def test_links_stay_on_the_page(page):
    ids = page.values_of("id")
    assert len(ids) == len(set(ids))
    for reference in page.values_of("href"):
        assert reference.startswith("#")
        assert reference[1:] in ids
    for labels in page.values_of("aria-labelledby"):
        assert set(labels.split()) <= set(ids)


def test_the_page_tells_its_language_and_fits_a_phone(page):
    assert page.values_of("lang") == ["en"]
    assert "width=device-width, initial-scale=1" in page.values_of("content")


def test_headings_leave_out_no_level(page):
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_drawing_is_named_or_hidden(page):
    drawings = page.tags.count("svg")
    assert drawings == page.values_of("aria-hidden").count("true") + len(
        [value for value in page.values_of("aria-labelledby") if value.startswith("picture-")]
    )


def test_severity_is_a_word_and_not_a_colour_alone(diagnosis, page):
    assert diagnosis.verdict.capitalize() in page.text
    assert all(str(one.severity).capitalize() in page.text for one in diagnosis.all_findings())


def test_everything_that_was_found_is_on_the_page(diagnosis, page):
    text = page.text
    for finding in diagnosis.all_findings():
        assert finding.summary in text
        assert all(one.statistic in text for one in finding.evidence)
    for finding in diagnosis.findings:
        assert finding.why in text
        for fix in finding.prescriptions:
            assert fix.action in text
            assert fix.tradeoff in text
            assert " ".join(fix.snippet.split()) in text
    for abstained in diagnosis.abstained:
        assert abstained.reason in text
        assert abstained.needs in text
    for passed in diagnosis.passed:
        assert all(f"{one.metric} {one.statistic}" in text for one in passed.evidence)
    assert all(note in text for note in diagnosis.notes)
    assert all(rule in text for rule in diagnosis.rules)


def test_the_first_fix_comes_before_the_findings(samples, diverged):
    what, finding = diverged.index("What to do first"), diverged.index("1. Learning rate too high")
    assert what < diverged.index(samples.LOWER_RATE.action) < finding


def test_a_symptom_is_mended_with_its_cause_and_not_by_itself(samples, undrawn):
    text = Page(render_html(samples.with_symptom_fix("Raise the learning rate."))).text
    assert "1 symptom, which should go away with it" in text
    assert "Raise the learning rate." not in text


def test_the_run_and_its_store_are_named(samples, diverged):
    identity = samples.IDENTITY
    facts = (identity.name, identity.run_id, identity.tracking_uri, "still running")
    assert all(fact in diverged for fact in facts)


def test_it_is_said_how_many_checks_there_were(diverged):
    assert "Checks 4 found something, 1 passed, 2 could not be judged, 1 failed" in diverged


def test_layers_are_shown_and_what_stands_out_is_a_table(samples, diverged):
    layer_map = samples.layer_map()
    assert "Layers over the run Gradient norm" in diverged
    assert f"What stands out among {layer_map.layer_count} layers" in diverged
    assert "Highest 32000 stem steps 300 to 449" in diverged
    assert "First NaN NaN stem steps 450 to 599" in diverged


def test_the_whole_run_is_shown_where_nothing_is_wrong_too(samples, undrawn):
    text = Page(render_html(samples.healthy())).text
    assert "The whole run" in text
    assert "Layers over the run" not in text


def test_a_symptom_has_its_picture(samples, undrawn):
    picture = samples.overfitted_picture()
    diagnosis = samples.with_symptom_fix("Lower it.")
    (cause,) = diagnosis.findings
    symptom = replace(cause.symptoms[0], picture=picture)
    cause = replace(cause, symptoms=(symptom,), picture=None)
    bare = replace(diagnosis, findings=(cause,), overview=None, layers=())
    assert "Shaded: epochs 13 to 30." in Page(render_html(bare)).text


def test_a_hostile_run_brings_no_markup_into_the_page(samples, harmless, undrawn, hostile):
    page = Page(render_html(samples.with_text(hostile)))
    assert set(page.tags) <= {*harmless.tags, "wbr"}
    names = {name for _, name, _ in harmless.attributes}
    assert {name for _, name, _ in page.attributes} <= names
    assert not NEVER & set(page.tags)


def test_a_hostile_text_is_shown_as_text(samples, undrawn):
    text = Page(render_html(samples.with_text("<script>alert(1)</script>{{ 7 * 7 }}"))).text
    assert "<script>alert(1)</script>{{ 7 * 7 }}" in text
    assert "49" not in text


def test_control_characters_do_not_reach_the_page(samples):
    html = render_html(samples.with_text("a\x1b[31m\x00\u202eb"))
    assert not set("\x1b\x00\u202e") & set(html)


def test_the_same_diagnosis_gives_the_same_page(samples):
    assert render_html(samples.with_text("name")) == render_html(samples.with_text("name"))


def test_the_page_is_small(html):
    assert len(html.encode()) < 150_000
