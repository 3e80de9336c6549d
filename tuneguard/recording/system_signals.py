"""What the machine says while the training runs, beside what the loop says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

import torch

from tuneguard import keys
from tuneguard.recording.gpu_signals import GpuSignals, uuids_of
from tuneguard.recording.outlet import Outlet, Packet
from tuneguard.recording.piece import together
from tuneguard.recording.process_signals import ProcessorUse, resident_bytes
from tuneguard.spool.columns import Columns

INTERVAL_SECONDS = 10.0

_logger = logging.getLogger(__name__)


class SystemSignals:
    """Samples memory and processor use of the process, and the GPUs that the model is on.

    It has no thread of its own: who writes down what was measured asks it. The GPUs are left to
    MLflow's own system metrics where those are on for the run; of the process they say nothing.

    Args:
        devices: Returns the devices that the model is on; asked once, at the first sample.
        is_covered: Whether MLflow's own system metrics are on.
        interval: Seconds between samples, at least.
    """

    def __init__(
        self,
        devices: Callable[[], Iterable[torch.device]],
        is_covered: Callable[[], bool] = lambda: False,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._devices = devices
        self._is_covered = is_covered
        self._interval = interval
        self._due = float("-inf")
        self._processor = ProcessorUse()
        self._gpus: GpuSignals | None = None

    def sample_if_due(self, now: float) -> dict[str, float]:
        """Return a sample by metric key, or nothing where the last is too recent; never raises.

        Args:
            now: In seconds of any clock that does not go back.
        """
        if now < self._due:
            return {}
        self._due = now + self._interval
        try:
            return self._sample()
        except Exception as error:  # noqa: BLE001 - what is measured of the training matters more
            self._due = float("inf")
            _logger.debug("The machine is not measured any more: %r", error)
            return {}

    def _sample(self) -> dict[str, float]:
        found = {keys.PROCESS_CPU: self._processor.percentage()}
        memory = resident_bytes()
        if memory is not None:
            found[keys.PROCESS_MEMORY] = memory / 1e6
        if not self._is_covered():
            if self._gpus is None:
                self._gpus = GpuSignals(uuids_of(self._devices()))
            found.update(self._gpus.read())
        return found


class SystemOutlet:
    """Adds what the machine says to packets on their way, when their values are read.

    Args:
        outlet: Where packets go.
        signals: What is asked on the writer's thread.
    """

    def __init__(self, outlet: Outlet, signals: SystemSignals) -> None:
        self._outlet = outlet
        self._signals = signals

    def put(self, packet: Packet) -> None:
        """Take a packet without waiting."""
        self._outlet.put(_WithSignals(packet, self._signals))


class _WithSignals:
    def __init__(self, packet: Packet, signals: SystemSignals) -> None:
        self._packet = packet
        self._signals = signals

    @property
    def size(self) -> int:
        return self._packet.size

    def columns(self) -> Columns:
        columns = self._packet.columns()
        found = self._signals.sample_if_due(time.monotonic()) if len(columns) else {}
        if not found:
            return columns
        step, now = int(columns.steps.max()), time.time_ns() // 1_000_000
        rows = Columns.from_rows((key, step, now, value) for key, value in found.items())
        return together(columns, rows)
