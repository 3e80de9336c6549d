"""What a comparator is: published detectors, and the rules that each of them names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tuneguard.history import RunHistory

Detector: TypeAlias = Callable[[RunHistory], float | None]
"""From a run to how far into it, from 0 to 1, the detector first fires; `None`: it does not."""


@dataclass(frozen=True, eq=False)
class Comparator:
    """Another tool's way to diagnose a run.

    Attributes:
        name: What the tool is called.
        names: From each of its detectors to the rules that it corresponds to, the closest first.
            Wherever a detector may mean several, it has them all, to its advantage.
        judge: From a run to the detectors that fire, the one to be believed first in front.
    """

    name: str
    names: Mapping[str, tuple[str, ...]]
    judge: Callable[[RunHistory], Iterable[str]]

    def signals(self, history: RunHistory) -> tuple[str, ...]:
        """Return the detectors that fire, by the tool's own names, each once."""
        return tuple(dict.fromkeys(self.judge(history)))


def earliest_first(detectors: Mapping[str, Detector]) -> Callable[[RunHistory], list[str]]:
    """Return a judge for detectors that know nothing of each other.

    Args:
        detectors: By name; of those that fire at once, the one listed first comes first.
    """

    def judge(history: RunHistory) -> list[str]:
        fired = {name: detector(history) for name, detector in detectors.items()}
        times = {name: at for name, at in fired.items() if at is not None}
        return sorted(times, key=lambda name: times[name])

    return judge
