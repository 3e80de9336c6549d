"""What a resumed run has overwritten is left out, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard.history.rewinds import MAX_REWINDS, latest_lineage


def lineage(steps: list[float]) -> tuple[list[int], tuple[float, ...]]:
    kept, rewound_at = latest_lineage(np.array(steps, dtype=np.float64))
    return kept.tolist(), rewound_at


@pytest.mark.parametrize(
    ("steps", "kept", "rewound_at"),
    [
        ([], [], ()),
        ([7.0], [0], ()),
        ([0, 1, 2], [0, 1, 2], ()),
        ([0, 1, 1, 2], [0, 2, 3], ()),
        ([0, 1, 2, 3, 2, 3, 4], [0, 1, 4, 5, 6], (2.0,)),
        ([0, 10, 20, 30, 15, 25], [0, 1, 4, 5], (15.0,)),
        ([0, 1, 2, 3, 0, 1], [4, 5], (0.0,)),
        ([0, 5, 2, 6, 1, 7], [0, 4, 5], (2.0, 1.0)),
        ([0, 0, 0], [2], ()),
    ],
    ids=[
        "empty",
        "one point",
        "no resume",
        "repeated step",
        "resume",
        "resume between strides",
        "second run appended",
        "two resumes",
        "all at one step",
    ],
)
def test_keeps_the_course_the_run_finally_took(
    steps: list[float], kept: list[int], rewound_at: tuple[float, ...]
) -> None:
    assert lineage(steps) == (kept, rewound_at)


def test_points_in_no_order_are_sorted_and_none_is_lost() -> None:
    steps = np.random.default_rng(0).permutation(200).astype(float)
    kept, rewound_at = latest_lineage(steps)
    assert steps[kept].tolist() == list(range(200))
    assert rewound_at == ()


def test_of_repeats_in_no_order_the_last_written_wins() -> None:
    shuffled = [float(step) for _ in range(MAX_REWINDS + 2) for step in (1, 0)]
    kept, _ = latest_lineage(np.array(shuffled))
    assert kept.tolist() == [len(shuffled) - 1, len(shuffled) - 2]
