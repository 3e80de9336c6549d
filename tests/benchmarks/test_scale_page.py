"""The page about scale is written from the figures that are kept."""

from benchmarks.cost import results
from benchmarks.scale import page

CONDITIONS = {
    "date": "2026-05-01 12:00 UTC",
    "processor": "a processor",
    "cores": 2,
    "python": "3.11",
    "versions": {"mlflow": "3.17"},
}
READING = {
    **CONDITIONS,
    "rows": [
        {
            "part": "recorded",
            "baseline": {"wall": 2.0, "cpu": 2.0},
            "diagnose": {"wall": 5.0, "cpu": 4.0},
            "ratios": [2.0, 2.25, 3.0],
            "wall_ratios": [2.5, 2.5, 2.5],
            "bytes": 20 * 2**20,
            "load": 1.0,
        },
        {
            "part": "foreign",
            "paged": 90.0,
            "read": 4.5,
            "points": 1_000_000,
            "read_points": 12_000,
            "is_first_bad_step_exact": True,
            "is_leap_exact": False,
            "load": 1.5,
        },
    ],
}
FLEET = {
    **CONDITIONS,
    "rows": [
        {"workers": 1, "runs": 2000, "start": 3.0, "first": 60.0, "second": 5.0, "load": 1.0}
    ],
}


def test_the_page_is_written_from_the_figures_that_are_kept():
    parts = {name: results.load(name, page.FOLDER) for name in ("reading", "fleet")}
    assert page.PATH.read_text(encoding="utf-8") == page.render(parts), "run `make scale`"


def test_every_figure_is_on_the_page():
    text = page.render({"reading": READING, "fleet": FLEET})
    assert "2.25 times the processor time" in text
    assert "5.0% of it" in text
    assert "found exactly, the step of a leap was\n**not** found exactly" in text
    assert "| 1 | 60.0 s | 30 ms | 5.0 s | 3.0 s | 12.0 | 28.5 |" in text
    assert "load average 1.0 to 1.5" in text


def test_what_was_not_measured_is_said_to_be_missing():
    assert page.render({}).count("Not measured yet.") == 2
