"""Says what is found: above the Trainer's progress bar at once, and in its log at the end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from tqdm.auto import tqdm
from transformers.utils import logging as transformers_logging

from tuneguard.findings import Finding
from tuneguard.reports.untrusted import terminal_safe

_live = logging.getLogger("tuneguard.live")


class Announcements:
    """Passes findings on as they arise, and lists them at the end.

    What lasts is logged by `tuneguard.live` anyway. Where nobody has set up logging, those lines
    go above the progress bar instead of into it.

    Args:
        on_finding: Called with each finding.
    """

    def __init__(self, on_finding: Callable[[Finding], object] | None) -> None:
        self._on_finding = on_finding
        self._found: dict[str, Finding] = {}
        self._lines = None if _live.hasHandlers() else _AboveTheBar()
        if self._lines is not None:
            _live.addHandler(self._lines)

    def put(self, finding: Finding) -> None:
        """Take a finding in, and pass it on."""
        self._found[finding.rule] = finding
        if self._on_finding is not None:
            self._on_finding(finding)

    def close(self, run_id: str | None) -> None:
        """List what was found.

        Args:
            run_id: The run, where this process speaks for all of them.
        """
        if self._lines is not None:
            _live.removeHandler(self._lines)
        if run_id is None:
            return
        names = ", ".join(f"{one.rule} ({one.severity})" for one in self._found.values())
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
