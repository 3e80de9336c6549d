"""Trials watched by the values that they report."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tuneguard import keys
from tuneguard.doom import Doom, TrialWatch
from tuneguard.history import RunHistory

_MOST = 256


@dataclass
class _Watched:
    """What is known of one trial.

    Attributes:
        watch: What was found in it from report to report.
        last_step: Step of the last value that was looked at.
        doom: What dooms it.
    """

    watch: TrialWatch = field(default_factory=TrialWatch)
    last_step: int | None = None
    doom: Doom | None = None


class WatchedTrials:
    """The trials that this process trains; another process watches its own."""

    def __init__(self) -> None:
        self._trials: dict[tuple[str, int], _Watched] = {}
        self._lock = threading.Lock()

    def look(self, study: Study, trial: FrozenTrial) -> Doom | None:
        """Diagnose a trial if it has reported since the last time.

        Args:
            study: Where it belongs.
            trial: As it is now.

        Returns:
            What dooms it, if anything does.
        """
        watched = self._of(study.study_name, trial.number)
        if trial.last_step is not None and trial.last_step != watched.last_step:
            watched.last_step = trial.last_step
            watched.doom = watched.watch.look(reported_history(study, trial))
        return watched.doom

    def _of(self, study_name: str, number: int) -> _Watched:
        with self._lock:
            if len(self._trials) >= _MOST and (study_name, number) not in self._trials:
                del self._trials[next(iter(self._trials))]
            return self._trials.setdefault((study_name, number), _Watched())

    def __reduce__(self) -> tuple[Callable[[], WatchedTrials], tuple[()]]:
        return WatchedTrials, ()


def reported_history(study: Study, trial: FrozenTrial) -> RunHistory:
    """Return what a trial has reported as the validation loss of a run that goes on.

    What is to be maximised counts with its sign turned: no rule that can doom a trial by it asks
    for more than its direction. Each step counts as an epoch. How many there will be is a
    parameter of the trial, or as many as the longest trial that was completed had.
    """
    sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
    points = [(step, sign * value) for step, value in sorted(trial.intermediate_values.items())]
    longest = max(
        (
            one.last_step or 0
            for one in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        ),
        default=0,
    )
    planned = {"epochs": longest} if longest else {}
    return RunHistory.from_series(
        {keys.VALIDATION_LOSS: points},
        params=planned | trial.params,
        axis="epoch",
        status="running",
    )
