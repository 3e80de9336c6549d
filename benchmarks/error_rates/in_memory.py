"""A callback whose recording stays in memory: as by default, but for MLflow and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from benchmarks.error_rates.setup import Setup
from benchmarks.error_rates.training import Loop
from tuneguard import TuneGuardCallback
from tuneguard.recording.outlet import Packet
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest


@dataclass(eq=False)
class MemorySink:
    """Keeps what is recorded; it stands in for the spool and for what empties it.

    Attributes:
        manifest: What is known of the training beside the values.
        batches: The values, in the order in which they came.
    """

    manifest: Manifest
    batches: list[Columns] = field(default_factory=list)
    cpu_seconds: float = 0.0
    ticket: Any = field(default_factory=lambda: SimpleNamespace(run_id=None))
    on_idle: Any = None

    def put(self, packet: Packet) -> None:
        """Take a packet."""
        self.batches.append(packet.columns())

    def describe(self, **changes: Any) -> None:
        """Change fields of the manifest."""
        self.manifest = replace(self.manifest, **changes)

    def close(self, status: str) -> None:
        """Nothing is left to do."""


@contextmanager
def recording(loop: Loop, setup: Setup) -> Iterator[tuple[TuneGuardCallback, MemorySink]]:
    """Watch a loop with the callback, as by default but at a stride that no clock decides.

    How closely a run is looked at would otherwise depend on how busy the machine is; so it stays
    at the recorder's first stride, with its dense start and its closer looks at what is odd.
    """
    kept: list[MemorySink] = []

    def opened(_folder: object, _run: object, manifest: Manifest) -> MemorySink:
        kept.append(MemorySink(manifest))
        return kept[-1]

    home = "tuneguard.recording.wiring"
    with ExitStack() as patches:
        patches.enter_context(patch(f"{home}.choose_run", lambda *_: None))
        patches.enter_context(patch(f"{home}.open_spool", opened))
        patches.enter_context(patch(f"{home}.Sink", lambda spool: spool))
        patches.enter_context(patch(f"{home}.Budget", lambda *_: None))
        guard = TuneGuardCallback(
            loop.model,
            loop.optimizer,
            scaler=loop.scaler,
            task=setup.task,
            num_classes=setup.num_classes,
            planned_steps=setup.planned_steps or setup.steps,
        )
        with guard:
            yield guard, kept[0]
