"""What is said beside Keras' progress bar."""

from __future__ import annotations

import logging
import queue
import sys
from collections.abc import Callable

import keras

from tuneguard.findings import Finding
from tuneguard.reports.untrusted import terminal_safe

_live = logging.getLogger("tuneguard.live")
_logger = logging.getLogger(__name__)


class Display(logging.Handler):
    """Shows findings between two batches as they arise, and lists them at the end.

    What lasts is logged by `tuneguard.live` anyway, from another thread. Where nobody has set up
    logging, those lines wait until Keras has drawn its progress bar.

    Args:
        on_finding: Called with each finding.
    """

    def __init__(self, on_finding: Callable[[Finding], object] | None) -> None:
        super().__init__()
        self._on_finding = on_finding
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._found: dict[str, Finding] = {}
        if not _live.hasHandlers():
            _live.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line until it can be shown."""
        self._lines.put(self.format(record))

    def put(self, finding: Finding) -> None:
        """Take a finding in, and pass it on."""
        self._found[finding.rule] = finding
        if self._on_finding is not None:
            self._on_finding(finding)

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
        _live.removeHandler(self)
        self.show()
        names = ", ".join(f"{one.rule} ({one.severity})" for one in self._found.values())
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
