"""Prunes trials whose diagnosis says that training on does not save them."""

from __future__ import annotations

from typing import Final

from optuna.pruners import BasePruner
from optuna.study import Study
from optuna.trial import FrozenTrial

from tuneguard.doom import Doom
from tuneguard.optuna.reported import WatchedTrials
from tuneguard.optuna.reporting import DOOMED

PRUNED: Final = "tuneguard.pruned"
"""The user attribute of a trial that says why tuneguard pruned it."""


class TuneGuardPruner(BasePruner):
    """Prunes doomed trials; asks another pruner about the rest.

    A trial is doomed by what its callback found, where the objective attached one with
    `on_finding=report_to(trial)`, and by the values that it reported: a NaN or infinity that
    stays, or a loss that ran away and did not come back. Why it was pruned is kept in its user
    attribute `tuneguard.pruned`.

    What is found travels through the study's storage, so workers in other processes and on other
    machines need nothing more.

    Args:
        wrapped: The pruner that decides on trials that are not doomed; by default none of them
            is pruned.
    """

    def __init__(self, wrapped: BasePruner | None = None) -> None:
        self._wrapped = wrapped
        self._watched = WatchedTrials()

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Say whether a trial is to end now; called by `trial.should_prune()`."""
        told = trial.user_attrs.get(DOOMED)
        doom = Doom.read(told) if told is not None else self._watched.look(study, trial)
        if doom is None:
            return self._wrapped is not None and self._wrapped.prune(study, trial)
        # as Optuna's own pruners do: a frozen trial cannot be written to
        study._storage.set_trial_user_attr(trial._trial_id, PRUNED, str(doom))  # noqa: SLF001
        return True

    def __repr__(self) -> str:
        inner = "" if self._wrapped is None else type(self._wrapped).__name__ + "()"
        return f"TuneGuardPruner({inner})"
