"""Takes what the training loop measured off its hands, at once and for good."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from tuneguard import keys
from tuneguard.spool.charts import ChartReducer
from tuneguard.spool.columns import Columns
from tuneguard.spool.record_writer import RecordWriter
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.delivery_thread import DeliveryThread
from tuneguard.storage.run_choice import end_run
from tuneguard.storage.store_probe import without_password

QUEUE_PACKETS = 128
PATIENCE_SECONDS = 15.0
IDLE_SECONDS = 2.0

_logger = logging.getLogger(__name__)


def _nothing() -> None:
    """Do nothing."""


class Packet(Protocol):
    """Measured values that may still be on their way from the device."""

    @property
    def size(self) -> int:
        """How many values there are."""

    def columns(self) -> Columns:
        """Return the values, waiting for the device; called on the writer's thread."""


class Onlooker(Protocol):
    """Looks at what is measured; whatever it raises is its own affair."""

    def take(self, columns: Columns) -> None:
        """Take in measured values; called on the writer's thread, which waits."""

    def end(self, status: str) -> None:
        """Take in that nothing more comes: the training ended as `status` says."""


class Sink:
    """Writes packets to the spool on one thread, and has them delivered on another.

    Nothing that the training loop calls here waits: a packet that finds the queue full is counted
    and dropped.

    Args:
        spool: Where the values are kept until MLflow has them.

    Attributes:
        on_idle: Called on the writer's thread where nothing came for two seconds.
        onlooker: Who looks at what is measured, if anybody does.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._queue: queue.Queue[Packet | dict[str, Any] | None] = queue.Queue(QUEUE_PACKETS)
        self._charts = ChartReducer()
        self._record = RecordWriter(spool)
        self._warned: set[str] = set()
        # one counter a thread: adding to one from two threads loses counts
        self._refused = 0
        self._failed = 0
        self.on_idle: Callable[[], None] = _nothing
        self.onlooker: Onlooker | None = None
        self._status = ""
        self._writer_cpu_seconds = 0.0
        self._writer = threading.Thread(
            target=self._write_packets, name="tuneguard-writer", daemon=True
        )
        self._delivery = DeliveryThread(spool)
        self._writer.start()
        self._delivery.start()

    @property
    def cpu_seconds(self) -> float:
        """CPU time that the writer and the delivery have used, up to the last round of each."""
        return self._writer_cpu_seconds + self._delivery.cpu_seconds

    @property
    def dropped(self) -> int:
        """How many measured values were lost: nothing was there to take them."""
        kept = self._record.dropped + self._spool.held.dropped
        return self._refused + self._failed + kept

    @property
    def is_drained(self) -> bool:
        """Whether what was handed over is written down, and what is charted of it delivered."""
        return not self._queue.unfinished_tasks and self._spool.outbox.is_empty

    def put(self, packet: Packet) -> None:
        """Hand over a packet without waiting."""
        try:
            self._queue.put_nowait(packet)
        except queue.Full:
            self._refused += packet.size

    def describe(self, **changes: Any) -> None:
        """Have fields of the manifest changed, without waiting."""
        with suppress(queue.Full):
            self._queue.put_nowait(changes)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Have tags written into the run in place of the last ones, without waiting."""
        self._delivery.tag(tags)

    def leave(self, names: Iterable[str]) -> None:
        """Leave metric keys to what logs them: ours go under `tuneguard/` from now on."""
        self._delivery.leave(names)

    def close(self, status: str, patience: float = PATIENCE_SECONDS) -> None:
        """Write everything down, deliver it, and end the run if it is our own.

        Args:
            status: How the training ended: `FINISHED`, `FAILED` or `KILLED`.
            patience: Seconds to wait for the store; what it has not taken then stays in the
                spool.
        """
        self._status = status
        self._spool.change_ticket(status=status, ended=time.time_ns() // 1_000_000)
        deadline = time.monotonic() + patience
        is_delivered = False
        if self._stop_writer(deadline):
            self._delivery.finish()
            is_delivered = self._delivery.wait(deadline - time.monotonic())
        else:
            self._refused += sum(getattr(item, "size", 0) for item in list(self._queue.queue))
        if self._spool.ticket.own_run:
            is_delivered &= end_run(self._spool.ticket, status)
        if is_delivered and not self._spool.segments():
            self._spool.remove()
        else:
            self._leave_behind()
        if self.dropped:
            self._warn("dropped", f"{self.dropped} measured values could not be kept.")

    def _stop_writer(self, deadline: float) -> bool:
        try:
            self._queue.put(None, timeout=max(0.0, deadline - time.monotonic()))
        except queue.Full:
            return False
        self._writer.join(max(0.0, deadline - time.monotonic()))
        return not self._writer.is_alive()

    def _leave_behind(self) -> None:
        points = self._spool.write_down()
        self._spool.change_manifest(dropped=self.dropped)
        self._spool.release()
        uri = without_password(self._spool.ticket.tracking_uri)
        reason = self._delivery.failure or "there was not time enough"
        if self._spool.folder is None:
            kept = "It is lost: there was no disk to keep it."
        else:
            kept = f"It is kept in {self._spool.folder}; send it with: tuneguard sync"
        self._warn("left", f"Not everything reached {uri} ({reason}). {kept}")
        if points and self._spool.folder is not None:
            self._warn("charts", f"{points} points of the charts could not be kept.")

    def _next_item(self) -> Packet | dict[str, Any] | None:
        while True:
            with suppress(queue.Empty):
                return self._queue.get(timeout=IDLE_SECONDS)
            self.on_idle()

    def _write_packets(self) -> None:
        while (item := self._next_item()) is not None:
            if isinstance(item, dict):
                self._spool.change_manifest(**item)
            else:
                self._write(item)
            self._writer_cpu_seconds = time.thread_time()
            self._queue.task_done()
        self._end_record()
        self._writer_cpu_seconds = time.thread_time()
        self._queue.task_done()

    def _write(self, packet: Packet) -> None:
        try:
            columns = packet.columns()
            # first what keeps everything, whatever goes wrong with the charts
            self._append(columns)
            if not self._spool.manifest.rank:
                self._spool.outbox.append(self._charts.add(columns))
            if any(key.startswith(f"{keys.VALIDATION}/") for key in columns.keys):
                self._delivery.validated()
            if self._record.is_due:
                self._record.cut()
            if self.onlooker is not None:
                self.onlooker.take(columns)
        except Exception as error:  # noqa: BLE001 - the writer outlives whatever goes wrong
            self._failed += packet.size
            self._warn("writer", f"Measured values were lost: {error!r}.")

    def _append(self, columns: Columns) -> None:
        try:
            self._record.append(columns)
        except OSError as error:
            # without a spool, its opening has said so
            if self._spool.folder is not None:
                self._warn(
                    "disk",
                    f"{self._spool.folder} takes nothing ({error}): what is measured waits for "
                    "MLflow in memory, as far as there is room.",
                )

    def _end_record(self) -> None:
        try:
            if not self._spool.manifest.rank:
                self._spool.outbox.append(self._charts.finish())
            self._record.finish()
            if self.onlooker is not None:
                self.onlooker.end(self._status)
        except Exception as error:  # noqa: BLE001 - what is on disk is recovered by sync
            self._warn("writer", f"The record could not be completed: {error!r}.")
        self._spool.change_manifest(dropped=self.dropped)

    def _warn(self, topic: str, message: str) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            _logger.warning("%s", message)
