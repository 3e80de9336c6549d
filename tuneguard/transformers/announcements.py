"""Says what is found: above the Trainer's progress bar at once, and in its log at the end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from tqdm.auto import tqdm
from transformers.utils import logging as transformers_logging

from tuneguard.findings import Finding
from tuneguard.live.announced import Announced
from tuneguard.reports.untrusted import terminal_safe


class Announcements:
    """Passes findings on as they arise, and lists them at the end.

    Where nobody has set up logging, the lines of `tuneguard.live` go above the progress bar
    instead of into it.

    Args:
        on_finding: Called with each finding.
    """

    def __init__(self, on_finding: Callable[[Finding], object] | None) -> None:
        self._announced = Announced(on_finding, _AboveTheBar())
        self.put = self._announced.put

    def close(self, run_id: str | None) -> None:
        """List what was found.

        Args:
            run_id: The run, where this process speaks for all of them.
        """
        names = self._announced.close()
        if run_id is None:
            return
        logger = transformers_logging.get_logger("transformers.tuneguard")
        line = f"tuneguard found {names or 'nothing'} while training; for the review: "
        # the Trainer's bar is still there
        with tqdm.external_write_mode(file=sys.stderr):
            logger.log(
                logging.WARNING if names else logging.INFO,
                terminal_safe(f"{line}tuneguard diagnose {run_id}"),
            )


class _AboveTheBar(logging.Handler):
    """Writes without tearing a progress bar apart."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)
