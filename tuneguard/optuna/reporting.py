"""What the callback finds while it records a trial, written beside the trial."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import BaseTrial, Trial

from tuneguard.doom import Doom
from tuneguard.findings import Finding

DOOMED: Final = "tuneguard.doomed"
"""The user attribute of a trial that holds what dooms it."""


class Guard(Protocol):
    """A callback that follows a training."""

    @property
    def should_stop(self) -> bool:
        """Whether training on is pointless."""


def report_to(trial: BaseTrial) -> Callable[[Finding], None]:
    """Return what a callback calls with each finding, so that the pruner hears of it.

    A finding that training on does not mend goes into the trial's user attribute
    `tuneguard.doomed`, in whatever storage the study has. It may be called on any thread; a
    trial that has ended meanwhile is left as it is.

    Args:
        trial: The trial that is being trained.

    Example:
        ```python
        with TuneGuardCallback(model, optimizer, on_finding=report_to(trial)) as guard:
            ...
        ```
    """

    def keep(finding: Finding) -> None:
        doom = Doom.of(finding)
        if doom is None or DOOMED in trial.user_attrs:
            return
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr(DOOMED, doom.document)

    return keep


def should_prune(trial: Trial, guard: Guard) -> bool:
    """Say whether a trial that is recorded is to end now: in place of `trial.should_prune()`.

    The callback's `should_stop` also knows of faults that are symptoms of another finding, of
    which `on_finding` does not hear.

    Args:
        trial: The trial that is being trained.
        guard: The callback that records it.

    Returns:
        What the study's pruner decides.
    """
    if guard.should_stop and DOOMED not in trial.user_attrs:
        trial.set_user_attr(DOOMED, Doom.of_callback().document)
    return bool(trial.should_prune())
