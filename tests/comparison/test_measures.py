"""Which measures are compared, and in which direction."""

from __future__ import annotations

import pytest

from tuneguard import TuneGuardError, compare
from tuneguard.comparison.measures import measures_of

POINTS = [(float(step), 1.0 / (1 + step)) for step in range(40)]


def test_only_what_all_runs_have_is_compared(run):
    found = measures_of([run(more={"validation/accuracy": POINTS})], [run()])
    assert [one.name for one in found] == ["validation loss"]


def test_keys_of_one_metric_may_differ_between_runs(run):
    before, after = run(more={"val_acc": POINTS}), run(more={"validation/acc": POINTS})
    found = measures_of([before], [after])
    assert [(one.name, one.higher_is_better) for one in found] == [
        ("validation loss", False),
        ("validation acc", True),
    ]


@pytest.mark.parametrize("name", ["val_loss", "validation_loss", "validation/loss"])
def test_a_measure_is_found_by_its_names(run, name):
    (found,) = measures_of([run()], [run()], {name: None})
    assert not found.higher_is_better


def test_a_measure_that_is_not_there_names_what_is(run):
    with pytest.raises(TuneGuardError, match=r"'bleu' is not measured .* validation/loss"):
        compare(run(), run(), measures={"bleu": None})


def test_a_measure_of_unknown_direction_asks_for_it(run):
    one = run(more={"my/score": POINTS})
    with pytest.raises(TuneGuardError, match="my/score=higher or my/score=lower"):
        compare(one, one, measures={"my/score": None})
    assert measures_of([one], [one], {"my/score": True})[0].higher_is_better
