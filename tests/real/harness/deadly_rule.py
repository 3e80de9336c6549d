"""A rule that costs the process its life, as a machine without memory does."""

import os
from dataclasses import dataclass
from typing import ClassVar

from tuneguard.findings import Outcome, Severity
from tuneguard.history import RunHistory
from tuneguard.rule import Rule


@dataclass(frozen=True)
class DeadlyRule(Rule):
    """Ends the process at a run whose param `deadly` is set."""

    id: ClassVar[str] = "TG999"
    name: ClassVar[str] = "deadly"
    default_severity: ClassVar[Severity] = Severity.INFO

    def check(self, history: RunHistory) -> Outcome:
        """End, or pass."""
        if "deadly" in history.params:
            os._exit(9)
        return self.passed()
