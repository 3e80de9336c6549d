"""From blocks that were measured to the figures that are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.cost.intervals import Ratio, Spent, ratio_of_totals, together

MEBIBYTE = 2**20
_BYTES_OF_A_PARAMETER = 4


class Cost(NamedTuple):
    """What a loop costs beside the bare one.

    Attributes:
        wall: Ratio of total times by the clock on the wall.
        cpu: Ratio of total processor times.
        bare: Seconds of a bare step.
    """

    wall: Ratio
    cpu: Ratio
    bare: float


def cost_of_recording(row: Mapping[str, Any]) -> Cost:
    """Compare a recorded loop with the two bare ones beside it."""
    bare = [row["first"], row["second"]]
    return _cost(row["recorded"], *bare)


def cost_of_watching(row: Mapping[str, Any]) -> Cost:
    """Compare a loop that a neighbour watches with the bare one beside it."""
    return _cost(row["watched"], row["bare"])


def cost_in_slices(row: Mapping[str, Any]) -> Ratio:
    """Compare the recorded slices of a loop with the bare ones."""
    own, bare = ([Spent(*one) for one in row[name]] for name in ("recorded", "bare"))
    return ratio_of_totals(own, bare)


def noise(row: Mapping[str, Any]) -> Ratio:
    """Compare the two bare loops with each other."""
    return ratio_of_totals(_walls(row["second"]), _walls(row["first"]))


def device_limit(row: Mapping[str, Any]) -> float:
    """Return how many bytes the recorder may hold on the device: 1 MiB and 0.1 % of the model."""
    return MEBIBYTE + 0.001 * _BYTES_OF_A_PARAMETER * float(row["parameters"])


def is_drained(blocks: Sequence[Sequence[Any]]) -> bool:
    """Whether every block lasted until nothing was left to be stored."""
    return all(block[3] for block in blocks)


def _cost(watched: Sequence[Sequence[Any]], *bare: Sequence[Sequence[Any]]) -> Cost:
    walls = together(*(_walls(blocks) for blocks in bare))
    cpus = together(*(_cpus(blocks) for blocks in bare))
    return Cost(
        ratio_of_totals(_walls(watched), walls),
        ratio_of_totals(_cpus(watched), cpus),
        sum(one.seconds for one in walls) / sum(one.steps for one in walls),
    )


def _walls(blocks: Sequence[Sequence[Any]]) -> list[Spent]:
    return [Spent(block[0], block[1]) for block in blocks]


def _cpus(blocks: Sequence[Sequence[Any]]) -> list[Spent]:
    return [Spent(block[0], block[2]) for block in blocks]
