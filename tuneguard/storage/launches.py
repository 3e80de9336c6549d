"""Which recorders of a run belong together: the ranks of one launch of a training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tuneguard.spool.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Launch:
    """The recorders of processes that trained together; most often it is one.

    Attributes:
        leader: The recorder of rank 0, which speaks for the run.
        ranks: The recorders that are known, by rank.
    """

    leader: Manifest
    ranks: Mapping[int, Manifest]

    @property
    def missing(self) -> set[int]:
        """Ranks that left nothing to read."""
        return set(range(self.leader.world_size)) - set(self.ranks)


def launches_of(manifests: Iterable[Manifest]) -> list[Launch]:
    """Return the launches of a run in order of their start.

    A rank that does not say whom it followed, or whose rank 0 left nothing, belongs to none.

    >>> [one.missing for one in launches_of([Manifest("a", world_size=2), Manifest("b")])]
    [{1}, set()]
    """
    manifests = list(manifests)
    return [
        Launch(
            leader,
            {0: leader, **{one.rank: one for one in manifests if one.leader == leader.recorder}},
        )
        for leader in manifests
        if not leader.rank
    ]
