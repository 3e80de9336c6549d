"""What is said beside Keras' progress bar."""

from __future__ import annotations

import logging
import queue
import sys
from collections.abc import Callable

import keras

from tuneguard.findings import Finding
from tuneguard.live.announced import Announced
from tuneguard.reports.untrusted import terminal_safe

_logger = logging.getLogger(__name__)


class Display(logging.Handler):
    """Shows findings between two batches as they arise, and lists them at the end.

    Where nobody has set up logging, the lines of `tuneguard.live`, which come from another
    thread, wait until Keras has drawn its progress bar.

    Args:
        on_finding: Called with each finding.
    """

    def __init__(self, on_finding: Callable[[Finding], object] | None) -> None:
        super().__init__()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._announced = Announced(on_finding, self)
        self.put = self._announced.put

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line until it can be shown."""
        self._lines.put(self.format(record))

    def show(self) -> None:
        """Show what has come in."""
        while not self._lines.empty():
            _say(self._lines.get())

    def stopped(self) -> None:
        """Say that training ends early."""
        self.show()
        _say("Training is stopped: going on would not mend what was found.")

    def finish(self, run_id: str | None) -> None:
        """List what was found, and show nothing more.

        Args:
            run_id: The run, where the store is known to have it.
        """
        names = self._announced.close()
        self.show()
        if names:
            review = f"; for the review: tuneguard diagnose {run_id}" if run_id else ""
            _say(f"Found while training: {names}{review}")


def _say(line: str) -> None:
    """Print where Keras prints its progress; log where that is switched off."""
    text = f"tuneguard: {terminal_safe(line)}"
    if keras.config.is_interactive_logging_enabled():
        # a progress bar may stand in the line
        sys.stdout.write(f"\n{text}\n")
        sys.stdout.flush()
    else:
        _logger.info(text)
