"""Faults that are measured where they happen, whatever they do to the score."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.error_rates.plan import RunSpec
from benchmarks.error_rates.training import Ended

SKIPPED, WAITED, UNMOVED = 0.2, 0.3, 0.3


def _built_in(ended: Ended) -> bool:  # noqa: ARG001 - whatever came of it
    return True


MECHANISMS: dict[str, Callable[[Ended], bool]] = {
    "validation_leak": _built_in,
    "missing_from_optimizer": lambda ended: ended.unmoved >= UNMOVED,
    "detached_layers": lambda ended: ended.unmoved >= UNMOVED,
    "no_update": lambda ended: ended.unmoved >= UNMOVED,
    "missing_zero_grad": _built_in,
    "double_softmax": _built_in,
    "loss_scale_collapse": lambda ended: ended.skipped >= SKIPPED,
    "slow_loader": lambda ended: ended.waited >= WAITED,
}
"""Whether the mechanism of a fault was at work, by kind."""


def mechanism_holds(spec: RunSpec, ended: Ended) -> bool:
    """Return whether the mechanism of a run's fault was measured; `False` where it has none."""
    return spec.fault in MECHANISMS and MECHANISMS[spec.fault](ended)
