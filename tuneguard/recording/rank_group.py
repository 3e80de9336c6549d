"""What one rank among several tells of what it measures, and where the others hear of it."""

from __future__ import annotations

from collections.abc import Callable

from tuneguard import keys
from tuneguard.recording.outlet import Outlet, Packet
from tuneguard.recording.piece import together
from tuneguard.recording.rank_exchange import RankExchange
from tuneguard.recording.rank_schedule import RankSchedule
from tuneguard.recording.ranks import (
    Ranks,
    connect_to_store,
    is_initialised,
    next_topic_prefix,
)
from tuneguard.recording.shard_sums import ShardSums
from tuneguard.spool.announced_run import AnnouncedRun
from tuneguard.spool.columns import Columns
from tuneguard.spool.spool_folder import Spool

_RUN = "run"
_TOLD_BY_ALL = {
    keys.TRAIN_LOSS,
    keys.STEP_SECONDS,
    keys.DATA_WAIT_FRACTION,
    keys.GRADIENT_NORM_GLOBAL,
}


class RankGroup:
    """Stands between a rank's recorder and its sink.

    Rank 0 tells the others which run they record, sets the schedule, and adds up the norms of
    shards for the charts. The others keep what differs between ranks, and what is to be added up.
    Nothing of it is collective, and nothing is waited for but a moment at the end.

    Args:
        ranks: The place of this process.
        spool: Where this rank keeps its part of the record.
        outlet: Where packets go.
        first_step: The number of the first step.

    Attributes:
        schedule: Which steps are looked at closely, on all ranks.
    """

    def __init__(self, ranks: Ranks, spool: Spool, outlet: Outlet, first_step: int = 0) -> None:
        prefix = next_topic_prefix(spool.manifest.layers)
        self._exchange = RankExchange(
            lambda: connect_to_store(prefix), lambda: not is_initialised(), ranks.world_size
        )
        self._is_first = ranks.rank == 0
        self._outlet = outlet
        self._sums: ShardSums | None = None
        if spool.manifest.is_sharded:
            self._sums = ShardSums(self._exchange, ranks.rank, ranks.world_size)
        self.schedule = RankSchedule(
            self._exchange, is_first=self._is_first, first_step=first_step
        )
        if self._is_first:
            self._exchange.post(_RUN, AnnouncedRun.of(spool).to_json())
        else:
            self._exchange.follow(
                [_RUN], lambda heard: AnnouncedRun.from_json(heard[0]).adopt(spool), once=True
            )
        self._exchange.start()

    def put(self, packet: Packet) -> None:
        """Take a packet without waiting."""
        self._outlet.put(_Told(packet, self._tell))

    def finish(self) -> None:
        """Have the last words exchanged, on the writer's thread, after all packets."""
        self._outlet.put(_LastWords(self._end))

    def leave(self) -> None:
        """Hear of the others no more."""
        self._exchange.close()

    def _tell(self, columns: Columns) -> Columns:
        if self._sums is not None:
            self._sums.add(columns)
        if not self._is_first:
            return _kept(columns)
        return columns if self._sums is None else together(columns, self._sums.complete())

    def _end(self) -> Columns:
        sums = Columns.from_rows(())
        if self._is_first and self._sums is not None:
            self._sums.wait_for_last()
            sums = self._sums.complete()
        self._exchange.close()
        return sums


class _Told:
    """A packet, reduced or enriched when its values are read."""

    def __init__(self, packet: Packet, tell: Callable[[Columns], Columns]) -> None:
        self._packet = packet
        self._tell = tell

    @property
    def size(self) -> int:
        return self._packet.size

    def columns(self) -> Columns:
        return self._tell(self._packet.columns())


class _LastWords:
    """A packet of what is known only after all others."""

    size = 0

    def __init__(self, columns: Callable[[], Columns]) -> None:
        self.columns = columns


def _kept(columns: Columns) -> Columns:
    """What another rank than the first keeps."""
    return together(
        *(
            own
            for key, own in columns.by_key()
            if key in _TOLD_BY_ALL or key.startswith(keys.SHARD)
        )
    )
