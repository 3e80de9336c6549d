import numpy as np
import pytest

from benchmarks.cost.intervals import Spent, ratio_of_totals, together


def rounds(seed: int, ratio: float, count: int = 12) -> tuple[list[Spent], list[Spent]]:
    """Rounds on a machine that is slow in some: it slows both loops of the round."""
    generator = np.random.default_rng(seed)
    slow = np.exp(generator.normal(0.0, 0.5, count))
    own = np.exp(generator.normal(0.0, 0.01, (2, count)))
    treated = [Spent(100, 100.0 * ratio * s * o) for s, o in zip(slow, own[0], strict=True)]
    bare = [Spent(100, 100.0 * s * o) for s, o in zip(slow, own[1], strict=True)]
    return treated, bare


def test_the_ratio_is_that_of_all_the_time_together():
    ratio = ratio_of_totals([Spent(10, 1.0), Spent(30, 6.0)], [Spent(10, 1.0), Spent(10, 1.5)])

    assert ratio.value == pytest.approx((7.0 / 40) / (2.5 / 20))


def test_blocks_of_other_lengths_do_not_change_a_ratio():
    bare = [Spent(100, 1.0), Spent(50, 0.5)]

    assert ratio_of_totals([Spent(10, 0.2), Spent(500, 10.0)], bare).value == pytest.approx(2.0)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    intervals = [ratio_of_totals(*rounds(seed, 1.02)) for seed in range(100)]
    hits = sum(one.low <= 1.02 <= one.high for one in intervals)

    assert 85 <= hits <= 99


def test_a_machine_that_is_slow_at_times_does_not_widen_the_interval():
    ratio = ratio_of_totals(*rounds(0, 1.02))

    assert ratio.high - ratio.low < 0.03


def test_a_loop_against_its_like_is_one():
    assert sum(ratio_of_totals(*rounds(seed, 1.0)).low < 1.0 for seed in range(20)) > 15


def test_rounds_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="1 treated, 2 bare"):
        ratio_of_totals([Spent(1, 1.0)], [Spent(1, 1.0)] * 2)


def test_two_bare_loops_count_as_one():
    assert together([Spent(1, 2.0), Spent(1, 1.0)], [Spent(2, 1.0), Spent(3, 1.0)]) == [
        Spent(3, 3.0),
        Spent(4, 2.0),
    ]
