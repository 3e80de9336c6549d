"""Verdicts on pairs and groups of runs whose difference is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tuneguard
from tuneguard import RunHistory, TuneGuardError, compare
from tuneguard.comparison import Criteria


def side(run, end, seeds, spread=0.03, **options):
    generator = np.random.default_rng(sum(seeds))
    return [run(end + spread * generator.normal(), seed=seed, **options) for seed in seeds]


@pytest.mark.parametrize(("end", "verdict"), [(0.2, "better"), (0.8, "worse")])
def test_a_pair_that_differs_by_far_more_than_noise_is_told_apart(run, end, verdict):
    found = compare(run(0.5, seed=1), run(end, seed=2))
    assert found.verdict == verdict
    effect = found.effects[0]
    assert effect.difference == pytest.approx(end - 0.5, abs=0.02)
    low, high = effect.interval
    assert low < effect.difference < high
    assert (low > 0.0) == (verdict == "worse")


def test_a_pair_that_differs_as_seeds_do_cannot_be_told_apart(run):
    found = compare(run(0.5, seed=1), run(0.42, seed=2))
    assert found.verdict == "cannot tell"
    assert found.effects[0].noise_is == "assumed"
    assert "Train three seeds of each" in found.settle


def test_what_is_known_of_the_seed_noise_decides_a_pair(run):
    found = compare(
        run(0.5, seed=1, noise=0.003), run(0.42, seed=2, noise=0.003), seed_noise=0.002
    )
    assert (found.verdict, found.effects[0].noise_is) == ("better", "given")
    assert found.settle == ""


def test_a_clear_pair_still_says_that_the_seed_noise_is_assumed(run):
    assert "repeat both with other seeds" in compare(run(0.5), run(0.1, seed=1)).settle


def test_several_seeds_show_a_difference_that_one_pair_cannot(run):
    before, after = side(run, 0.5, range(5)), side(run, 0.36, range(10, 15))
    found = compare(before, after)
    assert found.verdict == "better"
    assert found.effects[0].noise_is == "measured"
    assert found.effects[0].noise == pytest.approx(0.03, rel=0.7)
    assert found.settle == ""


def test_seeds_of_one_process_do_not_differ(run):
    found = compare(side(run, 0.5, range(4), 0.005), side(run, 0.5, range(10, 14), 0.005))
    assert found.verdict == "no difference"


def test_runs_of_the_same_seeds_are_compared_in_pairs(run):
    ends = [0.3, 0.5, 0.7, 0.9]
    before = [run(end, seed=seed) for seed, end in enumerate(ends)]
    after = [run(end - 0.1, seed=seed) for seed, end in enumerate(ends)]
    assert compare(before, after[::-1]).paired_by_seed
    assert compare(before, after[::-1]).verdict == "better"
    unpaired = [run(end - 0.1, seed=seed + 9) for seed, end in enumerate(ends)]
    assert compare(before, unpaired).verdict == "cannot tell"


def test_what_would_settle_an_open_question_is_a_number_of_seeds(run):
    before, after = side(run, 0.5, range(3), 0.05), side(run, 0.47, range(5, 8), 0.05)
    found = compare(before, after)
    assert found.verdict == "cannot tell"
    assert "seeds of each" in found.settle or "of each would be needed" in found.settle


def test_identical_curves_are_no_difference_and_said_to_be_identical(run):
    found = compare(run(0.5, lr=0.1), run(0.5, lr=0.2))
    assert found.verdict == "no difference"
    assert "the same number for number" in found.reason


def test_more_steps_do_not_count_as_the_work_of_the_change(run):
    falling = [(step, 3.0 - step / 1000) for step in range(0, 2000, 20)]
    short = RunHistory.from_series({"validation/loss": falling[:50]}, axis="step")
    long = RunHistory.from_series({"validation/loss": falling}, axis="step")
    assert compare(short, long).verdict == "no difference"
    assert compare(long, short).verdict == "worse"


def test_stopping_at_the_best_step_is_better_than_overfitting(run):
    at = np.arange(60)
    loss = 1.0 + 2.0 * np.exp(-at / 4.0) + 0.03 * np.maximum(at - 15, 0)
    points = list(zip((10.0 * at).tolist(), loss.tolist(), strict=True))
    whole = RunHistory.from_series({"validation/loss": points}, axis="step")
    stopped = RunHistory.from_series({"validation/loss": points[:20]}, axis="step")
    found = compare(whole, stopped)
    assert found.verdict == "better"
    assert found.cost_after.length < found.cost_before.length


def test_a_metric_that_should_rise_is_judged_by_its_own_direction(run):
    options = {"key": "validation/accuracy", "sign": -1.0}
    found = compare(run(0.5, **options), run(0.2, seed=1, **options))
    assert found.verdict == "better"
    assert found.effects[0].higher_is_better


def test_measures_that_contradict_each_other_are_not_settled_for_the_user(run):
    def accuracy(level):
        return [(20.0 * i + 19, level - math.exp(-i / 6.0)) for i in range(40)]

    before = run(0.5, more={"validation/accuracy": accuracy(0.6)})
    after = run(0.8, seed=1, more={"validation/accuracy": accuracy(0.9)})
    found = compare(before, after)
    assert found.verdict == "cannot tell"
    assert "--metric" in found.settle
    assert compare(before, after, measures={"accuracy": None}).verdict == "better"
    assert compare(before, after, measures={"validation_loss": None}).verdict == "worse"


@pytest.mark.parametrize(("broken", "verdict"), [("after", "worse"), ("before", "better")])
def test_a_run_that_ends_in_nan_has_lost(run, broken, verdict):
    points = [(20.0 * i + 19, 2.0 if i < 20 else math.nan) for i in range(40)]
    lost = RunHistory.from_series({"validation/loss": points}, axis="step")
    sides = (run(), lost) if broken == "after" else (lost, run())
    found = compare(*sides)
    assert found.verdict == verdict
    assert "not finite" in found.reason


def test_some_of_several_runs_in_nan_leave_the_question_open(run):
    points = [(20.0 * i + 19, math.nan) for i in range(40)]
    lost = RunHistory.from_series({"validation/loss": points}, axis="step")
    found = compare([run(0.5, seed=1), run(0.5, seed=2)], [run(0.1, seed=3), lost])
    assert found.verdict == "cannot tell"


def test_runs_that_never_learned_do_not_differ(run):
    def stuck(level, seed):
        noise = 0.01 * np.random.default_rng(seed).normal(size=60)
        points = [(step, level + float(one)) for step, one in enumerate(noise)]
        return RunHistory.from_series({"val_loss": points}, axis="epoch")

    found = compare(stuck(2.303, 1), stuck(2.306, 2))
    assert found.verdict == "no difference"
    assert "came away from where it started" in found.reason


@pytest.mark.parametrize(("factor", "shift"), [(1000.0, 0.0), (1.0, -50.0)])
def test_the_unit_and_the_zero_of_a_loss_do_not_matter(run, factor, shift):
    def changed(history):
        points = history.series["validation/loss"]
        pairs = zip(points.steps.tolist(), (factor * points.values + shift).tolist(), strict=True)
        return RunHistory.from_series({"validation/loss": list(pairs)}, axis="step")

    for end in (0.1, 0.42, 0.5):
        before, after = run(0.5, seed=1), run(end, seed=2)
        assert compare(changed(before), changed(after)).verdict == compare(before, after).verdict


def test_one_process_twice_is_called_different_at_most_once_in_twenty(run):
    def draw(seed):
        own = 0.02 * np.random.default_rng(seed + 5000).normal()
        return run(0.5 + own, seed=seed, noise=0.1)

    verdicts = [compare(draw(2 * i), draw(2 * i + 1)).verdict for i in range(40)]
    assert sum(one in {"better", "worse"} for one in verdicts) <= 2


def test_the_criteria_are_the_users(run):
    strict = Criteria(smallest_effect=0.5)
    assert compare(run(0.5), run(0.2, seed=1), criteria=strict).verdict == "no difference"


def test_findings_that_went_away_and_came_are_counted(run):
    at = np.arange(600)
    diverged = np.where(at < 300, 0.3 + 2.0 * np.exp(-at / 60.0), 0.3 + (at - 300) / 50.0)
    calm = 0.3 + 2.0 * np.exp(-at / 60.0)
    before, after = (
        RunHistory.from_series(
            {"train/loss": list(enumerate(loss.tolist()))}, axis="step", status="finished"
        )
        for loss in (diverged, calm)
    )
    found = compare(before, after)
    assert "divergence" in {one.rule for one in found.gone}
    assert "divergence" in {one.rule for one in compare(after, before).appeared}
    assert "divergence" in {one.rule for one in compare(before, before).remained}


def test_the_training_loss_decides_only_where_nothing_was_validated(run):
    training = [(float(step), 2.0 * math.exp(-step / 100)) for step in range(600)]
    alone = RunHistory.from_series({"train/loss": training}, axis="step")
    assert compare(alone, alone).effects[0].decides
    validated = run(more={"train/loss": training})
    assert not compare(validated, validated).effects[-1].decides


def test_runs_without_a_common_measure_cannot_be_compared(run):
    other = RunHistory.from_series({"gradient_norm": [(1, 1.0), (2, 1.0)]})
    found = compare(run(), other)
    assert (found.verdict, found.effects) == ("cannot tell", ())
    assert found.settle


def test_a_run_with_few_validations_says_how_many_are_missing(run):
    found = compare(run(0.5, validations=4), run(0.1, validations=4))
    assert found.verdict == "cannot tell"
    assert "6 are needed" in found.reason


def test_an_empty_side_is_an_error(run):
    with pytest.raises(TuneGuardError, match="no run after the change"):
        compare(run(), [])


def test_unfinished_and_failed_runs_are_noted(run):
    points = [(float(step), 1.0 / (1 + step)) for step in range(60)]
    running, failed = (
        RunHistory.from_series({"val_loss": points}, status=status)
        for status in ("running", "failed")
    )
    notes = " ".join(compare(running, failed).notes)
    assert "1 of 1 runs before the change are still going on" in notes
    assert "1 of 1 runs after the change failed" in notes


def test_compare_is_public():
    assert tuneguard.compare is compare
