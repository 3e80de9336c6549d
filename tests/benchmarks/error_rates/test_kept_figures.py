"""What is committed of the error rates is what the rules of today would be measured with."""

import json

import pytest

pytest.importorskip("tomllib")

from benchmarks import measured_rates
from benchmarks.error_rates import page, rows, stamp
from benchmarks.error_rates.outcomes import Standing
from benchmarks.error_rates.source_digests import code_digest, meaning_of
from tests.benchmarks.error_rates.rows_by_hand import RIGHT, WRONG, row

STAMP = {
    "date": "2026-05-01 12:00 UTC",
    "processor": "a processor",
    "cores": 2,
    "of_another_recorder": 0,
}


def test_the_figures_are_not_stale():
    kept = stamp.load()
    if kept is None:
        pytest.skip("not measured yet: run `make error-rates`")
    changed = stamp.changed_since(kept)
    assert not changed, f"measured with other {' and '.join(changed)}: run `make error-rates`"


def test_the_page_is_written_from_the_rows_that_are_kept():
    expected = page.render(page.kept_rows(), stamp.load())

    assert page.PATH.read_text(encoding="utf-8") == expected, "run `make error-rates`"


def test_rows_come_back_as_they_were_kept(tmp_path):
    kept = [
        row(Standing.HEALTHY),
        row(Standing.MANIFEST, RIGHT, WRONG, live=((RIGHT, 0.25),), onset=0.5),
    ]
    path = tmp_path / "rows.csv"
    rows.save(kept, path)

    found = rows.load(path)

    assert [(one.spec, one.standing, one.said) for one in found] == [
        (one.spec, one.standing, one.said) for one in kept
    ]
    assert (found[1].live, found[1].onset) == (kept[1].live, 0.5)


def test_alarms_of_other_tools_come_back_with_all_their_meanings(tmp_path):
    kept = row(Standing.MANIFEST, compared={"a tool": ((RIGHT, WRONG), ())})
    rows.save([kept], tmp_path / "rows.csv")

    (found,) = rows.load(tmp_path / "rows.csv")

    assert found.compared["a tool"] == ((RIGHT, WRONG), ())


def test_every_figure_is_on_the_page():
    said = {"a tool": ((WRONG,),)}
    reporting = [
        row(Standing.MANIFEST, RIGHT, compared=said, live=((RIGHT, 0.2),)),
        row(Standing.MANIFEST, compared=said),
        row(Standing.HEALTHY, compared=said),
        row(Standing.UNHEALTHY, compared=said),
    ]

    text = page.render({"reporting": reporting, "calibrating": reporting}, STAMP)

    assert "| manifest faults named | at least 85% | 50.0 % of 2 | **no** |" in text
    assert "| healthy runs with any alarm | at most 3% | 0.0 % of 1 | yes |" in text
    assert "| a tool | 0.0 % of 2" in text
    assert "- learning rate too high: learning-rate-too-high 1, nothing 1" in text
    assert "| cnn | base | 2/4 |" in text


def test_nothing_measured_is_said():
    assert "Not measured yet." in page.render({"reporting": [], "calibrating": []}, None)


def test_words_in_the_code_do_not_make_figures_stale():
    assert meaning_of('def f():\n    """One."""\n    return 1') == meaning_of(
        'def f():\n    """Two."""\n    # three\n    return 1'
    )


def test_what_the_code_does_makes_figures_stale(monkeypatch):
    here = stamp.HERE
    assert code_digest([here / "views.py"]) != code_digest([here / "cache.py"])
    now = {"rules": "these", "trainings": "those"}
    monkeypatch.setattr(stamp, "measured_with", lambda: now)
    assert stamp.changed_since({**now, "rules": "others"}) == ["rules"]


def test_a_command_keeps_what_another_measured(tmp_path):
    path = tmp_path / "measured.json"
    measured_rates.keep("one", "On one thing.", {}, path)
    measured_rates.keep("two", "On another.", {}, path)
    measured_rates.keep("one", "On a third.", {}, path)

    found = [(one["command"], one["measured_on"]) for one in json.loads(path.read_text())]

    assert found == [("one", "On a third."), ("two", "On another.")]
