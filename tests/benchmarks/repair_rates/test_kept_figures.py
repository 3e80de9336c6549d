"""What is committed of the repair rates is what today's prescriptions would be measured with."""

import pytest

pytest.importorskip("tomllib")

from benchmarks.error_rates.plan import RunSpec
from benchmarks.repair_rates import page, stamp
from benchmarks.repair_rates.retraining import Retrained
from benchmarks.repair_rates.rows import Row, load, rows_of_one, save
from benchmarks.repair_rates.strategies import FIRST, LOWER, THREE
from benchmarks.repair_rates.trials import Trial
from tuneguard.findings import Change

SPEC = RunSpec("cnn", "tiny_batch", 2, "base", 101)
LESS, MORE = (Change("learning_rate", 0.1),), (Change("batch_size", 8.0),)
MEASURED = {"tried": 1, "named": 2, "date": "a day", "processor": "one", "cores": 2}


def rows(unchanged=50.0, less=60.0, more=88.0):
    plan = {FIRST: (LESS,), THREE: (LESS, MORE), LOWER: ()}
    ended = {
        Trial(SPEC, LESS): Retrained(less, 61.0),
        Trial(SPEC, MORE): Retrained(more, 89.0),
    }
    return list(rows_of_one(SPEC, plan, ended, unchanged, (90.0, 1.0)))


def test_the_figures_are_not_stale():
    kept = stamp.load()
    if kept is None:
        pytest.skip("not measured yet: run `make repair-rates`")
    changed = stamp.changed_since(kept)
    assert not changed, f"measured with other {' and '.join(changed)}: run `make repair-rates`"


def test_the_page_is_written_from_the_rows_that_are_kept():
    expected = page.render(stamp.kept_rows(), stamp.load())
    assert page.PATH.read_text(encoding="utf-8") == expected, "run `make repair-rates`"


def test_of_several_the_one_that_validates_best_counts():
    by_strategy = {one.strategy: one for one in rows()}
    assert by_strategy[FIRST].score == 60.0
    assert by_strategy[THREE].score == 88.0
    assert by_strategy[THREE].tried == "batch_size set 8.0"
    assert [one.is_repaired for one in rows()] == [False, False, True, False]


def test_a_strategy_with_nothing_to_try_leaves_the_training_as_it_was():
    last = rows()[-1]
    assert (last.strategy, last.score, last.trainings) == (LOWER, 50.0, 0)


@pytest.mark.parametrize(("less", "is_harmed"), [(50.0, False), (45.1, False), (44.0, True)])
def test_harm_is_more_than_what_seeds_do(less, is_harmed):
    assert rows(less=less)[1].is_harmed is is_harmed


def test_rows_come_back_as_they_were_kept(tmp_path):
    save(rows(), tmp_path / "rows.csv")
    found = load(tmp_path / "rows.csv")
    assert sorted(found, key=repr) == sorted(rows(), key=repr)
    assert all(isinstance(one, Row) for one in found)


def test_every_figure_is_on_the_page():
    text = page.render(rows(), MEASURED)
    assert "| first prescription | 0.0 % of 1 (0.0 to 79.3) | 0.0 % of 1 (0.0 to 79.3) |" in text
    assert "| best of three | 100.0 % of 1 (20.7 to 100.0) |" in text
    assert "first prescription repairs at least 80%: **missed**" in text
    assert "| tiny batch | 0/1 | 1/1 |" in text
    assert "| learning_rate | 1 | 0/1 | 0 |" in text


def test_nothing_measured_is_said():
    assert "Not measured yet." in page.render([], None)
