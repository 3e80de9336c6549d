"""What the training process itself takes of the machine."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from typing import Any

_STATM = Path("/proc/self/statm")


class ProcessorUse:
    """How busy this process keeps the processor, all of its threads together."""

    def __init__(self) -> None:
        self._last = time.perf_counter(), time.process_time()

    def percentage(self) -> float:
        """Return the use since the last call: 100 for one core that is always busy."""
        wall, busy = self._last
        self._last = time.perf_counter(), time.process_time()
        passed = self._last[0] - wall
        return 100.0 * (self._last[1] - busy) / passed if passed > 0 else 0.0


def resident_bytes() -> int | None:
    """Return the memory of this process that is in RAM; `None` where nothing tells.

    Linux tells it; elsewhere `psutil` is asked, if it is there. The standard library knows no
    more than the largest value so far, which is another thing.
    """
    try:
        resident = int(_STATM.read_text("ascii").split()[1])
        return resident * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return _asked_of_psutil()


def _asked_of_psutil() -> int | None:
    try:
        psutil: Any = importlib.import_module("psutil")
        return int(psutil.Process().memory_info().rss)
    except Exception:  # noqa: BLE001 - it is optional, and has errors of its own
        return None
