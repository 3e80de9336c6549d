"""What can be asked of boosted trees, and what to advise instead of changes to a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tuneguard.findings import Finding
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.boosting import grow_weaker_trees, stop_boosting
from tuneguard.rule import Rule

REASON = "trees were boosted: there are no gradients, no network and no optimizer"

_ABOUT_NETWORKS = ("TG2", "TG3")
_ALSO_ABOUT_NETWORKS = {"TG405", "TG406", "TG407", "TG408", "TG409"}
_OF_TOO_MUCH_FIT = {"overfitting", "overconfidence"}
_LEAST_PATIENCE = 10
_PATIENCE_SHARE = 0.1


def is_unfit(rule: Rule, history: RunHistory) -> bool:
    """Whether a rule asks for what boosted trees do not have."""
    asks = rule.id.startswith(_ABOUT_NETWORKS) or rule.id in _ALSO_ABOUT_NETWORKS
    return asks and history.is_boosting


def advised(finding: Finding, history: RunHistory) -> Finding:
    """Return a finding about boosted trees with changes that can be made to them."""
    if finding.rule not in _OF_TOO_MUCH_FIT:
        return replace(finding, prescriptions=())
    fixes = [grow_weaker_trees(history.params)]
    loss = history.get(Role.VALIDATION_LOSS)
    if loss is not None and loss.is_finite.any():
        finite = loss.finite()
        best = int(np.argmin(finite.values))
        patience = max(_LEAST_PATIENCE, round(_PATIENCE_SHARE * len(finite)))
        fixes.insert(0, stop_boosting(finite.steps[best], finite.values[best], patience))
    return replace(finding, prescriptions=tuple(fixes))
