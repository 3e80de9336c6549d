"""What a watcher shows: as lines, and on a screen."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from tuneguard.live import Event, Sighting
from tuneguard.reports.watch import log, phrases
from tuneguard.reports.watch.screen import render_screen
from tuneguard.watching import Sight, Trace


@pytest.fixture
def sighting(samples):
    return Sighting(samples.diverged().findings[0], 500.0)


@pytest.fixture
def sight(sighting):
    return Sight(
        name="resnet",
        status="running",
        step=1240.0,
        unit="step",
        planned=6000.0,
        pace=58.0,
        traces=(
            Trace("training loss", (3.0, 2.0, math.nan, 1.0)),
            Trace("gradient norm", (1e3, 1.0, 0.0), is_positive=True),
        ),
        sightings=(sighting,),
        first_fix=sighting.finding.prescriptions[0],
        unjudged=3,
    )


def drawn(sight, width=100, **options):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True)
    console.print(render_screen(sight, "footer", width=width, **options))
    return console.file.getvalue()


def test_progress_says_how_far_how_fast_and_how_long():
    sight = Sight("a", "running", 50.0, "epoch", 200.0, 0.5, (), (), None, 0)
    assert phrases.progress(sight) == "epoch 50 of 200 (25%), 0.5 epochs/s, about 5 min 0 s left"


def test_the_screen_shows_progress_curves_findings_and_the_first_fix(sight):
    text = drawn(sight)
    for part in ("resnet", "step 1240 of 6000 (21%)", "training loss", "█", "x", "Try first:"):
        assert part in text
    assert "CRITICAL" in text
    assert "footer" in text


def test_a_finding_that_is_gone_is_marked_and_not_removed(sight):
    gone = replace(sight.sightings[0], gone_at=900.0)
    text = drawn(replace(sight, sightings=(gone,)))
    assert "gone at step 900" in text
    assert "CRITICAL" not in text


def test_a_terminal_without_blocks_gets_numbers_alone(sight):
    assert "█" not in drawn(sight, blocks=False)
    assert "training loss" in drawn(sight, blocks=False)


def test_a_run_that_has_nothing_yet_is_drawn(sight):
    empty = replace(sight, traces=(), sightings=(), first_fix=None, planned=None, pace=None)
    assert "Nothing is measured yet." in drawn(empty)
    assert "3 checks cannot be made yet" in drawn(empty)


def test_more_findings_than_fit_are_counted(sight):
    assert "and 2 more findings" in drawn(replace(sight, sightings=sight.sightings * 10))


@pytest.mark.parametrize("width", [20, 60, 200])
def test_no_line_is_wider_than_the_terminal(sight, width):
    lines = drawn(sight, width).splitlines()
    assert max(len(line.replace("\x1b[0m", "").replace("\x1b[1m", "")) for line in lines) <= (
        width + 20  # styles
    )


def test_hostile_texts_cannot_move_the_terminal_or_style_it(sight, hostile):
    finding = replace(sight.sightings[0].finding, summary=hostile, rule=hostile)
    bad = Sighting(finding, 1.0)
    fix = replace(sight.first_fix, action=hostile, parameter=hostile)
    shown = replace(
        sight,
        name=f"{hostile}[red]",
        traces=(Trace(hostile, (1.0, 2.0)),),
        sightings=(bad,),
        first_fix=fix,
    )
    console = Console(file=io.StringIO(), width=100)
    console.print(render_screen(shown, "footer", width=100))
    lines = [log.event_line(Event("found", bad, 1.0)), log.progress_line(shown)]
    assert not any("\n" in line for line in lines)
    for text in (console.file.getvalue().replace("\n", ""), *lines):
        assert text.isprintable()


def test_an_event_is_one_line_with_the_fix(sighting):
    line = log.event_line(Event("found", sighting, 1240.0))
    assert line.startswith("step 1240: CRITICAL ")
    assert "Try first: " in line


@pytest.mark.parametrize(("what", "word"), [("back", "again"), ("gone", "no longer found")])
def test_an_event_says_what_happened(sighting, what, word):
    assert word in log.event_line(Event(what, sighting, 1240.0))


def test_a_line_of_progress_has_the_latest_values(sight):
    line = log.progress_line(sight)
    assert line.startswith("step 1240 of 6000 (21%), 58 steps/s, about ")
    assert line.endswith("training loss 1; gradient norm 0")
