"""The faults: what each changes of a healthy setup, and how strongly."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.error_rates.faults import data, rates
from benchmarks.error_rates.setup import Setup

FAULTS: dict[str, Callable[[Setup, float], Setup]] = {
    "learning_rate_too_high": rates.learning_rate_too_high,
    "learning_rate_too_low": rates.learning_rate_too_low,
    "unscaled_inputs": data.unscaled_inputs,
}
"""From a healthy setup and a dose to the faulty one, by kind."""
