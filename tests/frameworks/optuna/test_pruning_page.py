"""The page about pruning is what the committed trials say."""

from __future__ import annotations

from benchmarks.pruning import page, replay, results
from benchmarks.pruning.search import REPEATS, TRIALS, drawn
from benchmarks.pruning.training import Trained
from tuneguard.doom import Doom


def test_the_page_is_what_the_committed_trials_say() -> None:
    trials, stamp = results.load()

    assert page.PATH.read_text(encoding="utf-8") == page.render(trials, stamp)


def test_the_committed_trials_are_those_that_would_be_drawn() -> None:
    trials, stamp = results.load()

    assert len(trials) == REPEATS * TRIALS
    assert "trials" not in results.changed_since(stamp), "run `make pruning-rates`"
    assert trials[TRIALS].params.keys() == drawn(1)[0].keys()


def test_a_pruned_trial_counts_the_steps_up_to_its_end() -> None:
    doom = Doom("divergence", "TG402", "It ran away.", 30.0)
    params = drawn(0)
    steps, losses = (9, 19, 29), (1.0, 0.9, 0.8)
    fine = Trained(0, 0, params[0], steps, losses, (0.1, 0.2, 0.3))
    lost = Trained(0, 1, params[1], steps, losses, (0.1, 0.2, 0.3), told_at=12.0, doom=doom)

    alone = replay.search([fine, lost], replay.WAYS[replay.ALONE])
    nobody = replay.search([fine, lost], replay.WAYS[replay.NOBODY])

    assert (alone.steps, alone.pruned, alone.doomed) == (50, 1, 1)
    assert (nobody.steps, nobody.pruned, nobody.best_accuracy) == (60, 0, 0.3)
