"""Ends trials of Ray Tune that their reported values doom."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ray.tune import Stopper
from ray.tune.result import AUTO_RESULT_KEYS, DONE

from tuneguard.doom import TrialWatch
from tuneguard.exceptions import TuneGuardError
from tuneguard.history import RunHistory
from tuneguard.history.roles import Role

_ITERATION: Final = "training_iteration"
_OF_TUNE: Final = {*AUTO_RESULT_KEYS, "should_checkpoint"}

_logger = logging.getLogger("tuneguard.ray_tune")


@dataclass
class _Reported:
    """What one trial has reported so far.

    Attributes:
        points: Name of a value to `(iteration, value)` pairs.
        watch: What was found in it from report to report.
    """

    points: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    watch: TrialWatch = field(default_factory=TrialWatch)


class TuneGuardStopper(Stopper):
    """Ends trials that their reported values doom: NaN that stays, divergence, no learning.

    It runs where Tune does and sees what every trial reports, on whichever machine it trains.
    All numbers in a result are taken, under the names that people give them: `loss` or
    `train_loss`, `val_loss`, `val_accuracy`. The trial's `config` is read for settings such as
    `epochs` and `num_classes`. Why a trial was ended goes to the log, as a warning of
    `tuneguard.ray_tune`.

    Args:
        roles: Role to the name under which it is reported, where the name does not tell, such as
            `{"train_loss": "objective"}`.
        iterations: How many results a trial is to report; by default `epochs` of its config.

    Raises:
        TuneGuardError: `roles` names something that is no role.
    """

    def __init__(
        self, roles: Mapping[str, str] | None = None, *, iterations: int | None = None
    ) -> None:
        known = [role.value for role in Role]
        for role in roles or {}:
            if role not in known:
                raise TuneGuardError(f"No role is called {role!r}. Roles: {', '.join(known)}.")
        self._roles = dict(roles or {})
        self._planned = {} if iterations is None else {"epochs": iterations}
        self._trials: dict[str, _Reported] = {}

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Say whether a trial is to end; called by Tune with each result."""
        trial = self._trials.setdefault(trial_id, _Reported())
        for name, value in _numbers(result):
            trial.points.setdefault(name, []).append((int(result[_ITERATION]), value))
        doom = trial.watch.look(self._history(trial, result.get("config") or {}))
        if doom is not None:
            _logger.warning("Trial %s is ended: %s", trial_id, doom)
        if doom is not None or result.get(DONE):
            del self._trials[trial_id]
        return doom is not None

    def stop_all(self) -> bool:
        """Let the other trials go on, whatever was found in one."""
        return False

    def _history(self, trial: _Reported, config: Mapping[str, Any]) -> RunHistory:
        return RunHistory.from_series(
            trial.points,
            params={**config, **self._planned},
            roles={role: key for role, key in self._roles.items() if key in trial.points},
            axis="epoch",
            status="running",
        )


def _numbers(result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the values that the trial itself reported."""
    for name, value in result.items():
        if name in _OF_TUNE or isinstance(value, bool | str):
            continue
        try:
            yield name, float(value)
        except (TypeError, ValueError):
            continue
