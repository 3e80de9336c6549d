"""Which settings changed, and which runs are partners."""

from __future__ import annotations

from tuneguard import compare
from tuneguard.comparison.result import Change
from tuneguard.comparison.settings import pairs_by_seed, seed_of, settings_changed


def test_aliases_are_one_setting_and_numbers_are_numbers(run):
    before = run(lr="0.10", batch_size=32, **{"tuneguard/optimizer": "SGD"})
    after = run(learning_rate=0.2, batch_size="32.0", optimizer="SGD")
    assert settings_changed([before], [after]) == ((Change("learning_rate", "0.10", "0.2"),), ())


def test_a_setting_that_only_one_side_recorded_is_a_change(run):
    changes, _ = settings_changed([run()], [run(augment="flip")])
    assert changes == (Change("augment", None, "flip"),)


def test_what_varies_among_the_runs_of_a_side_is_not_called_the_change(run):
    changes, varied = settings_changed([run(lr=1), run(lr=2)], [run(lr=3), run(lr=3)])
    assert (changes, varied) == ((), ("learning_rate",))


def test_seeds_are_no_change_but_name_the_partners(run):
    before, after = [run(seed=1), run(seed=2)], [run(seed=2), run(seed=1)]
    assert settings_changed(before, after) == ((), ())
    assert pairs_by_seed(before, after) == [(0, 1), (1, 0)]
    assert seed_of(before[0]) == "1"


def test_seeds_that_do_not_match_leave_runs_without_partners(run):
    assert pairs_by_seed([run(seed=1)], [run(seed=2)]) is None
    assert pairs_by_seed([run(seed=1), run(seed=1)], [run(seed=1), run(seed=1)]) is None
    assert pairs_by_seed([run(seed=1), run(seed=2)], [run(seed=1)]) is None


def test_several_changes_cannot_be_told_apart(run):
    notes = " ".join(compare(run(lr=1, dropout=0.1), run(lr=2, dropout=0.2)).notes)
    assert "2 settings differ" in notes


def test_a_batch_size_that_changed_makes_steps_unequal(run):
    assert "--paired-on" in " ".join(compare(run(batch_size=32), run(batch_size=64)).notes)
