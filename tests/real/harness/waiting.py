"""Waiting for what another process will do."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 240.0
"""Against hangs only: nothing is measured by it."""


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Return as soon as a condition holds.

    Raises:
        AssertionError: It never did.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.2)
