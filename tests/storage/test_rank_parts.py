from __future__ import annotations

import numpy as np
import pytest

from tuneguard import keys
from tuneguard.storage.rank_parts import Points, across_ranks


def points(steps: list[int], values: list[float]) -> Points:
    return np.array(steps, dtype=np.int64), np.array(values)


def rows(found: Points) -> list[tuple[int, float]]:
    return list(zip(found[0].tolist(), found[1].tolist(), strict=True))


def test_a_single_process_speaks_for_itself() -> None:
    alone = {keys.TRAIN_LOSS: points([0, 1], [1.0, 2.0])}
    assert across_ranks({0: alone}, 1, is_sharded=False) == alone


def test_norms_of_shards_add_up_where_all_ranks_have_them() -> None:
    parts = {
        0: {
            "shard/gradient_norm/global": points([0, 1, 4], [3.0, 1.0, 6.0]),
            "shard/update_norm/out": points([1], [0.3]),
            "shard/weight_norm/out": points([1, 2], [3.0, 3.0]),
        },
        1: {
            "shard/gradient_norm/global": points([4, 0], [8.0, 4.0]),
            "shard/update_norm/out": points([1], [0.4]),
            "shard/weight_norm/out": points([1], [4.0]),
        },
    }
    found = across_ranks(parts, 2, is_sharded=True)
    assert set(found) == {"gradient_norm/global", "update_ratio/out"}
    assert rows(found["gradient_norm/global"]) == [(0, 5.0), (4, 10.0)]
    assert rows(found["update_ratio/out"]) == [(1, pytest.approx(0.1))]


def test_a_rank_may_hold_nothing_of_a_layer() -> None:
    all_of_it = points([0, 1], [3.0, 3.0])
    parts = {
        0: {"shard/gradient_norm/global": all_of_it},
        1: {"shard/gradient_norm/global": all_of_it, "shard/gradient_norm/head": all_of_it},
    }
    found = across_ranks(parts, 2, is_sharded=True)
    assert rows(found["gradient_norm/head"]) == [(0, 3.0), (1, 3.0)]


def test_without_all_shards_there_are_only_the_sums_that_rank_0_saw() -> None:
    seen = points([0], [5.0])
    part = {
        "gradient_norm/global": seen,
        "shard/gradient_norm/global": points([0, 1], [3.0, 3.0]),
        "shard/gradient_norm/out": points([0], [3.0]),
    }
    found = across_ranks({0: part, 1: part}, 3, is_sharded=True)
    assert found == {"gradient_norm/global": seen}


def test_what_the_ranks_disagree_on() -> None:
    def part(seconds: float, waited: float, norm: float, loss: float) -> dict[str, Points]:
        return {
            keys.STEP_SECONDS: points([1, 2], [seconds, 1.0]),
            keys.DATA_WAIT_FRACTION: points([1], [waited]),
            keys.GRADIENT_NORM_GLOBAL: points([0, 10], [norm, 2.0]),
            keys.TRAIN_LOSS: points([0], [loss]),
        }

    parts = {
        0: part(1.0, 0.0, 1.0, 0.5),
        1: part(3.0, 0.6, 1.5, -0.5),
        2: part(1.0, 0.1, 1.0, 0.0),
    }
    found = across_ranks(parts, 3, is_sharded=False)
    assert rows(found[keys.RANK_STEP_SKEW]) == [(1, 3.0), (2, 1.0)]
    assert rows(found[keys.RANK_DATA_WAIT_GAP]) == [(1, 0.5)]
    assert rows(found[keys.RANK_GRADIENT_DISAGREEMENT]) == [(0, 0.5), (10, 0.0)]
    assert rows(found[keys.RANK_LOSS_SPREAD]) == [(0, 1.0)]
    assert found[keys.TRAIN_LOSS] is parts[0][keys.TRAIN_LOSS]


def test_norms_that_are_finite_on_some_ranks_only_disagree_without_bound() -> None:
    parts = {
        0: {keys.GRADIENT_NORM_GLOBAL: points([0, 1, 2], [1.0, np.nan, 0.0])},
        1: {keys.GRADIENT_NORM_GLOBAL: points([0, 1, 2], [np.nan, np.inf, 0.0])},
    }
    found = across_ranks(parts, 2, is_sharded=False)
    assert rows(found[keys.RANK_GRADIENT_DISAGREEMENT]) == [(0, np.inf), (2, 0.0)]


def test_gradients_of_shards_differ_by_nature() -> None:
    parts = {rank: {keys.GRADIENT_NORM_GLOBAL: points([0], [rank + 1.0])} for rank in range(2)}
    assert keys.RANK_GRADIENT_DISAGREEMENT not in across_ranks(parts, 2, is_sharded=True)
