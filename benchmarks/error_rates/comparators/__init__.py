"""Other ways to diagnose a run, applied to the same histories.

Each turns its own alarms into the names of the rules that they correspond to, by a fixed table.
"""

from __future__ import annotations

from typing import Final

from benchmarks.error_rates.comparators.autotrainer import AUTOTRAINER
from benchmarks.error_rates.comparators.comparator import Comparator
from benchmarks.error_rates.comparators.deep_checker import THE_DEEP_CHECKER
from benchmarks.error_rates.comparators.early_stopping import EARLY_STOPPING
from benchmarks.error_rates.comparators.sagemaker_debugger import SAGEMAKER_DEBUGGER
from benchmarks.error_rates.comparators.umlaut import UMLAUT

COMPARATORS: Final[tuple[Comparator, ...]] = (
    AUTOTRAINER,
    SAGEMAKER_DEBUGGER,
    UMLAUT,
    THE_DEEP_CHECKER,
    *EARLY_STOPPING,
)

__all__ = ["COMPARATORS", "Comparator"]
