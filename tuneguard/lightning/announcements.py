"""Shows what is found: above the Trainer's progress bar at once, and in its log at the end."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import Any

from tuneguard.findings import Finding, Severity
from tuneguard.lightning.framework import rank_zero_info
from tuneguard.live.announced import Announced
from tuneguard.reports.untrusted import terminal_safe


class Announcements:
    """Takes findings from the recorder's thread, and shows them on the training's.

    Args:
        on_finding: Called with each finding.
    """

    def __init__(self, on_finding: Callable[[Finding], object] | None) -> None:
        self._waiting: queue.SimpleQueue[Finding] = queue.SimpleQueue()
        self._announced = Announced(on_finding, logging.NullHandler())

    def put(self, finding: Finding) -> None:
        """Take a finding in, and pass it on."""
        self._waiting.put(finding)
        self._announced.put(finding)

    def show(self, trainer: Any) -> None:
        """Show the alarms that came in since last asked."""
        while not self._waiting.empty():
            finding = self._waiting.get()
            if finding.severity > Severity.INFO:
                _say(trainer, _line(finding))

    def close(self, trainer: Any, run_id: str | None) -> None:
        """Show the rest, and say where the whole diagnosis is to be had.

        Args:
            trainer: Whose progress bar and log are used.
            run_id: The run, where there is one.
        """
        self.show(trainer)
        names = self._announced.close()
        follow = f"the diagnosis: tuneguard diagnose {run_id}" if run_id else "tuneguard sync"
        rank_zero_info(f"tuneguard found {names or 'nothing'} while training; for {follow}")


def _line(finding: Finding) -> str:
    first = f" Try first: {finding.prescriptions[0].action}" if finding.prescriptions else ""
    return f"tuneguard: {finding.rule} ({finding.severity}): {finding.summary}{first}"


def _say(trainer: Any, line: str) -> None:
    bar = trainer.progress_bar_callback
    if bar is not None and trainer.training:
        bar.print(terminal_safe(line))
    else:
        rank_zero_info(terminal_safe(line))
