"""Where what was measured goes."""

from __future__ import annotations

from typing import Protocol

from tuneguard.spool.columns import Columns


class Packet(Protocol):
    """Measured values that may still be on their way from the device."""

    @property
    def size(self) -> int:
        """How many values there are."""

    def columns(self) -> Columns:
        """Return the values, waiting for the device; called on the writer's thread."""


class Outlet(Protocol):
    """Where packets go."""

    def put(self, packet: Packet) -> None:
        """Take a packet without waiting."""
