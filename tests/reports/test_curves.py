from __future__ import annotations

import math

from tuneguard.findings import Line, Picture, View
from tuneguard.reports.curves import MAX_PANELS, Gap, drawable, gaps_of, panels_of


def line(name: str, *values: float) -> Line:
    return Line(name, tuple(range(len(values))), values)


def picture(*lines: Line, **view) -> Picture:
    return Picture(View(tuple(one.metric for one in lines), **view), lines)


def names(picture: Picture) -> list[list[str]]:
    return [[one.metric for one in panel.lines] for panel in panels_of(picture)]


def test_lines_of_like_magnitude_share_a_panel():
    assert names(picture(line("a", 1, 2), line("b", 0.1, 0.05))) == [["a", "b"]]


def test_a_line_of_another_magnitude_gets_its_own_panel():
    lines = line("loss", 2, 1), line("lr", 1e-3, 1e-4), line("val_loss", 2.5, 1.2)
    assert names(picture(*lines)) == [["loss", "val_loss"], ["lr"]]


def test_losses_and_gradient_norms_have_panels_of_their_own():
    shown = picture(
        line("gradient_norm/global", 1.0, 90.0), line("train/loss", 2, -1), log_scale=True
    )
    assert names(shown) == [["gradient_norm/global"], ["train/loss"]]
    assert [panel.log_scale for panel in panels_of(shown)] == [True, False]


def test_what_is_not_finite_decides_no_panel():
    assert names(picture(line("a", 1, math.inf), line("b", math.nan, math.nan))) == [["a", "b"]]


def test_panels_are_few():
    lines = [line(f"m{power}", 10.0**power) for power in range(0, 20, 4)]
    panels = panels_of(picture(*lines))
    assert len(panels) == MAX_PANELS
    assert sum(len(panel.lines) for panel in panels) == len(lines)


def test_a_log_scale_holds_all_lines():
    panels = panels_of(picture(line("a", 1e-6), line("b", 1e6), log_scale=True))
    assert len(panels) == 1
    assert panels[0].log_scale


def test_no_log_scale_for_values_that_have_no_logarithm():
    panels = panels_of(picture(line("a", 0.0, 1.0), log_scale=True, threshold=-1.0))
    assert not panels[0].log_scale
    assert panels[0].threshold == -1.0


def test_a_limit_that_no_axis_holds_is_left_out():
    assert panels_of(picture(line("a", 1), threshold=math.inf))[0].threshold is None
    assert panels_of(picture(line("a", 1), threshold=0.0, log_scale=True))[0].threshold is None


def test_only_the_first_panel_shows_the_limit():
    panels = panels_of(picture(line("a", 1), line("b", 1000), threshold=2.0))
    assert [panel.threshold for panel in panels] == [2.0, None]


def test_gaps_are_stretches_of_one_kind():
    values = (1.0, math.inf, math.inf, math.nan, 2.0, -math.inf)
    assert gaps_of(line("a", *values)) == [
        Gap("inf", (1, 2)),
        Gap("NaN", (3, 3)),
        Gap("-inf", (5, 5)),
    ]


def test_infinity_as_stores_spell_it_is_infinity():
    stored = line("a", 1.0, 1.7976931348623157e308)
    assert gaps_of(stored) == [Gap("inf", (1, 1))]
    assert math.isnan(drawable(stored)[1][1])


def test_a_line_that_runs_away_is_drawn_on_a_log_scale_unasked():
    assert panels_of(picture(line("a", 1.0, 1.1, 1.2, 1e9)))[0].log_scale
    assert not panels_of(picture(line("a", -1.0, 1.1, 1.2, 1e9)))[0].log_scale
    assert not panels_of(picture(line("a", 2.3, 1.0, 1e-4)))[0].log_scale


def test_a_runaway_in_the_guilty_span_needs_a_log_scale():
    steps = [1.0, 1.1, 1.2, 1.1, 80.0]
    assert panels_of(picture(line("a", *steps), span=(3, 4)))[0].log_scale
    assert not panels_of(picture(line("a", *steps[::-1]), span=(3, 4)))[0].log_scale
