"""What is found handed to a function of the user's, which may be slow and may fail."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from tuneguard.findings import Finding

_WAITING = 100

_logger = logging.getLogger("tuneguard.live")


class Alerts:
    """Calls a function once a finding, on a thread of its own.

    Neither the training nor the recording waits for it. What it raises is logged.

    Args:
        on_finding: The function.
    """

    def __init__(self, on_finding: Callable[[Finding], object]) -> None:
        self._on_finding = on_finding
        self._queue: queue.Queue[Finding | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def put(self, finding: Finding) -> None:
        """Have the function called, without waiting."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tuneguard-alerts", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(finding)
        except queue.Full:
            _logger.warning("on_finding does not return: %s was not passed on", finding.rule)

    def finish(self, seconds: float) -> None:
        """Wait until the function has heard of everything, `seconds` at most."""
        if self._thread is None:
            return
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _run(self) -> None:
        while (finding := self._queue.get()) is not None:
            self._call(finding)

    def _call(self, finding: Finding) -> None:
        try:
            self._on_finding(finding)
        except Exception as error:
            _logger.warning(
                "on_finding failed for %s; training goes on: %r",
                finding.rule,
                error,
                exc_info=_logger.isEnabledFor(logging.DEBUG),
            )
