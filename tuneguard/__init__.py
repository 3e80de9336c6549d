"""tuneguard: says what went wrong in a training run, proves it, and proposes what to change."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tuneguard.version import __version__

if TYPE_CHECKING:
    from tuneguard.comparison import Comparison, compare
    from tuneguard.diagnosis import Diagnosis, diagnose
    from tuneguard.exceptions import TuneGuardError
    from tuneguard.findings import Evidence, Finding, Prescription, Severity
    from tuneguard.history import RunHistory, Series
    from tuneguard.past_runs import read_evidence
    from tuneguard.recording import TuneGuardCallback
    from tuneguard.rule import Rule
    from tuneguard.storage.reader import load_run
    from tuneguard.treating import treat

__all__ = [
    "Comparison",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Prescription",
    "Rule",
    "RunHistory",
    "Series",
    "Severity",
    "TuneGuardCallback",
    "TuneGuardError",
    "__version__",
    "compare",
    "diagnose",
    "load_run",
    "read_evidence",
    "treat",
]

_HOMES = {
    "Comparison": "tuneguard.comparison",
    "Diagnosis": "tuneguard.diagnosis",
    "Evidence": "tuneguard.findings",
    "Finding": "tuneguard.findings",
    "Prescription": "tuneguard.findings",
    "Rule": "tuneguard.rule",
    "RunHistory": "tuneguard.history",
    "Series": "tuneguard.history",
    "Severity": "tuneguard.findings",
    "TuneGuardCallback": "tuneguard.recording",
    "TuneGuardError": "tuneguard.exceptions",
    "compare": "tuneguard.comparison",
    "diagnose": "tuneguard.diagnosis",
    "load_run": "tuneguard.storage.reader",
    "read_evidence": "tuneguard.past_runs",
    "treat": "tuneguard.treating",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import tuneguard` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
