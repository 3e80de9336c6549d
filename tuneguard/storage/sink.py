"""Takes what the training loop measured off its hands, at once and for good."""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import suppress
from typing import Any, Protocol

from tuneguard import keys
from tuneguard.spool.charts import ChartReducer
from tuneguard.spool.columns import Columns
from tuneguard.spool.record_writer import RecordWriter, recover
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.delivery_thread import DeliveryThread
from tuneguard.storage.run_choice import end_run
from tuneguard.storage.store_probe import without_password

QUEUE_PACKETS = 128
PATIENCE_SECONDS = 15.0

_logger = logging.getLogger(__name__)


class Packet(Protocol):
    """Measured values that may still be on their way from the device."""

    @property
    def size(self) -> int:
        """How many values there are."""

    def columns(self) -> Columns:
        """Return the values, waiting for the device; called on the writer's thread."""


class Sink:
    """Writes packets to the spool on one thread, and has them delivered on another.

    Nothing that the training loop calls here waits: a packet that finds the queue full is counted
    and dropped.

    Args:
        spool: Where the values are kept until MLflow has them.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._queue: queue.Queue[Packet | dict[str, Any] | None] = queue.Queue(QUEUE_PACKETS)
        self._charts = ChartReducer()
        self._record = RecordWriter(spool)
        self._warned: set[str] = set()
        self.dropped = 0
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
    def is_drained(self) -> bool:
        """Whether what was handed over is written down, and what is charted of it delivered."""
        return not self._queue.unfinished_tasks and self._spool.outbox.is_empty

    def put(self, packet: Packet) -> None:
        """Hand over a packet without waiting."""
        try:
            self._queue.put_nowait(packet)
        except queue.Full:
            self.dropped += packet.size

    def describe(self, **changes: Any) -> None:
        """Have fields of the manifest changed, without waiting."""
        with suppress(queue.Full):
            self._queue.put_nowait(changes)

    def close(self, status: str, patience: float = PATIENCE_SECONDS) -> None:
        """Write everything down, deliver it, and end the run if it is our own.

        Args:
            status: How the training ended: `FINISHED`, `FAILED` or `KILLED`.
            patience: Seconds to wait for the store; what it has not taken then stays in the
                spool.
        """
        self._spool.change_ticket(status=status, ended=time.time_ns() // 1_000_000)
        deadline = time.monotonic() + patience
        if self._stop_writer(deadline):
            self._delivery.finish()
            is_delivered = self._delivery.wait(deadline - time.monotonic())
        else:
            is_delivered = False
        if self._spool.ticket.own_run:
            is_delivered &= end_run(self._spool.ticket, status)
        if self.dropped:
            self._warn("dropped", f"{self.dropped} values could not be kept.")
        if is_delivered:
            self._spool.remove()
        else:
            self._leave_behind()

    def _stop_writer(self, deadline: float) -> bool:
        try:
            self._queue.put(None, timeout=max(0.0, deadline - time.monotonic()))
        except queue.Full:
            return False
        self._writer.join(max(0.0, deadline - time.monotonic()))
        return not self._writer.is_alive()

    def _leave_behind(self) -> None:
        self._spool.release()
        if self._spool.folder is None:
            self._warn(
                "left", "What the store did not take is lost: there was no disk to keep it."
            )
            return
        uri = without_password(self._spool.ticket.tracking_uri)
        reason = self._delivery.failure or "it did not answer in time"
        self._warn(
            "left",
            f"Not everything reached {uri} ({reason}). It is kept in {self._spool.folder}; "
            "send it with: tuneguard sync",
        )

    def _write_packets(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, dict):
                self._spool.change_manifest(**item)
            else:
                self._write(item)
            self._writer_cpu_seconds = time.thread_time()
            self._queue.task_done()
        self._spool.outbox.append(self._charts.finish())
        self._cut(is_last=True)
        self._spool.change_manifest(dropped=self.dropped + self._spool.outbox.dropped)
        self._writer_cpu_seconds = time.thread_time()
        self._queue.task_done()

    def _write(self, packet: Packet) -> None:
        try:
            columns = packet.columns()
            if not self._spool.manifest.rank:
                self._spool.outbox.append(self._charts.add(columns))
            if any(key.startswith(f"{keys.VALIDATION}/") for key in columns.keys):
                self._delivery.validated()
            self._record.append(columns)
        except OSError as error:
            self.dropped += packet.size
            self._warn("disk", f"The full record cannot be kept: {error}. Charts go on.")
        except Exception as error:  # noqa: BLE001 - the writer outlives whatever goes wrong
            self.dropped += packet.size
            self._warn("writer", f"Measured values were lost: {error!r}.")
        if self._record.is_due:
            self._cut()

    def _cut(self, *, is_last: bool = False) -> None:
        try:
            self._record.cut()
            if is_last:
                recover(self._spool)
        except OSError as error:
            self._warn("disk", f"The full record cannot be kept: {error}. Charts go on.")

    def _warn(self, topic: str, message: str) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            _logger.warning("%s", message)
