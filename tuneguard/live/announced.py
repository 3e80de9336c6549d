"""What was found while a framework trains, for its adapter to show beside a progress bar."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tuneguard.findings import Finding

_live = logging.getLogger("tuneguard.live")


class Announced:
    """Passes findings on as they arise, and remembers the latest of each rule.

    `tuneguard.live` logs them as well. Where nobody has set up logging, Python would print those
    lines across the progress bar: there a handler of the adapter takes them.

    Args:
        on_finding: Called with each finding.
        lines: Takes what `tuneguard.live` logs, where nothing else does.
    """

    def __init__(
        self, on_finding: Callable[[Finding], object] | None, lines: logging.Handler
    ) -> None:
        self._on_finding = on_finding
        self._lines = lines
        self._found: dict[str, Finding] = {}
        if not _live.hasHandlers():
            _live.addHandler(lines)

    def put(self, finding: Finding) -> None:
        """Take a finding in, and pass it on."""
        self._found[finding.rule] = finding
        if self._on_finding is not None:
            self._on_finding(finding)

    def close(self) -> str:
        """Leave logging as it was, and return what was found as `rule (severity), ...`."""
        _live.removeHandler(self._lines)
        return ", ".join(f"{one.rule} ({one.severity})" for one in self._found.values())
