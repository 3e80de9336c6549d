"""Diagnose, change one thing, train again, compare, keep or revert; until nothing is wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tuneguard.comparison import Comparison, compare
from tuneguard.exceptions import TuneGuardError
from tuneguard.findings import Prescription
from tuneguard.treatment.agenda import in_turn
from tuneguard.treatment.attempts import Attempt, Ending, Standing, Treatment, Trial
from tuneguard.treatment.remedies import remedy_of
from tuneguard.treatment.settings import Settings


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be tried.

    Attributes:
        trainings: Trainings in all, the first included; each seed counts.
        seconds: No training begins after so long; `None` for no such limit.

    Raises:
        TuneGuardError: There would be no training at all.
    """

    trainings: int = 8
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.trainings < 1 or (self.seconds is not None and self.seconds <= 0):
            raise TuneGuardError("A treatment needs room for at least one training.")


@dataclass(frozen=True, eq=False)
class Plan:
    """What to train next.

    Attributes:
        number: Of the attempt.
        started_from: Number of the attempt that it changes.
        params: What the training function takes, but for the seed.
        changed: Parameters that differ: name to value before and after.
        rule: The finding that is treated; empty for the first.
        action: The prescription, as a sentence.
        remedy: What it does, as `remedy_of` names it.
    """

    number: int
    started_from: int
    params: Mapping[str, Any]
    changed: Mapping[str, tuple[Any, Any]]
    rule: str = ""
    action: str = ""
    remedy: str = ""


class Trainer(Protocol):
    """Trains with one seed, and diagnoses what happened."""

    def __call__(self, plan: Plan, seed: object) -> Trial:
        """Return what happened; an exception of the training is told in the trial."""


class Course:
    """One treatment, from the first training to the last.

    Args:
        train: Trains and diagnoses.
        params: What the training function takes first.
        settings: Which of the parameters is which setting.
        seeds: Seeds of each attempt, the same for all so that they are compared in pairs.
        budget: How much may be tried.
        measures: What a comparison judges by, as `compare` takes it.
        on_attempt: Called with each attempt when it has ended.
    """

    def __init__(  # noqa: PLR0913 - what to do, with what, and how long
        self,
        train: Trainer,
        params: Mapping[str, Any],
        settings: Settings,
        *,
        seeds: Sequence[object] = (None,),
        budget: Budget | None = None,
        measures: Mapping[str, bool | None] | None = None,
        on_attempt: Callable[[Treatment], object] | None = None,
    ) -> None:
        self._train = train
        self._settings = settings
        self._seeds = tuple(seeds)
        self._budget = budget or Budget()
        self._measures = measures
        self._on_attempt = on_attempt
        self._began = time.monotonic()
        self._attempts: list[Attempt] = []
        self._tried = {_identity(params)}
        self._first = Plan(0, 0, dict(params), {})

    def run(self) -> Treatment:
        """Try what is prescribed until nothing is wrong, nothing is left, or the budget is spent.

        Raises:
            TuneGuardError: The first training failed: there is nothing to start from.
        """
        best = self._baseline()
        while True:
            if best.is_healthy:
                return self._ended(best, "healthy")
            stopped = self._out_of_budget()
            if stopped is not None:
                return self._ended(best, stopped)
            plan = next(self._plans(best), None)
            if plan is None:
                return self._ended(best, "nothing left to try")
            attempt = self._attempted(plan, best)
            best = attempt if attempt.standing == "kept" else best
            self._tell(best)

    def _baseline(self) -> Attempt:
        trials: list[Trial] = []
        for seed in self._seeds:
            if trials and self._out_of_budget(len(trials)):
                break
            trials.append(self._train(self._first, seed))
            if trials[-1].error:
                raise TuneGuardError(
                    f"The training function failed with the parameters given: {trials[-1].error}"
                )
        reason = "The parameters that were given."
        first = self._first
        attempt = Attempt(0, 0, first.params, {}, "", "", tuple(trials), None, "baseline", reason)
        self._attempts.append(attempt)
        self._tell(attempt)
        return attempt

    def _plans(self, best: Attempt) -> Iterator[Plan]:
        """Yield what is prescribed and was not tried."""
        for trial in sorted(best.trials, key=lambda one: -one.alarms):
            if trial.diagnosis is None or trial.history is None:
                continue
            recorded = trial.history.hyperparameters
            for finding, one in in_turn(trial.diagnosis):
                params = self._settings.treated(best.params, one, recorded)
                if params is not None and _identity(params) not in self._tried:
                    yield self._plan(best, params, finding.rule, one)

    def _plan(
        self, best: Attempt, params: Mapping[str, Any], rule: str, one: Prescription
    ) -> Plan:
        changed = {
            name: (best.params[name], value)
            for name, value in params.items()
            if best.params[name] != value
        }
        number, remedy = len(self._attempts), remedy_of(one)
        return Plan(number, best.number, params, changed, rule, one.action, remedy)

    def _attempted(self, plan: Plan, best: Attempt) -> Attempt:
        """Train with one seed after another, and stop where it is clearly worse already."""
        self._tried.add(_identity(plan.params))
        trials: list[Trial] = []
        comparison: Comparison | None = None
        for before in best.trials:
            if trials and self._out_of_budget(len(trials)):
                break
            trials.append(self._train(plan, before.seed))
            if trials[-1].error:
                return self._judged(plan, trials, None, "failed", trials[-1].error)
            comparison = self._compared(best.trials[: len(trials)], trials)
            if comparison is not None and comparison.verdict == "worse":
                break
        standing, reason = _standing(best, trials, comparison)
        return self._judged(plan, trials, comparison, standing, reason)

    def _judged(
        self,
        plan: Plan,
        trials: Sequence[Trial],
        comparison: Comparison | None,
        standing: Standing,
        reason: str,
    ) -> Attempt:
        attempt = Attempt(
            number=plan.number,
            started_from=plan.started_from,
            params=plan.params,
            changed=plan.changed,
            rule=plan.rule,
            action=plan.action,
            trials=tuple(trials),
            comparison=comparison,
            standing=standing,
            reason=reason,
        )
        self._attempts.append(attempt)
        return attempt

    def _compared(self, before: Sequence[Trial], after: Sequence[Trial]) -> Comparison | None:
        first = [one.history for one in before if one.history is not None]
        second = [one.history for one in after if one.history is not None]
        return compare(first, second, measures=self._measures)

    def _out_of_budget(self, running: int = 0) -> Ending | None:
        """Say why no training may begin; `running` were made for an attempt that goes on."""
        made = running + sum(len(one.trials) for one in self._attempts)
        if made >= self._budget.trainings:
            return "no trainings left"
        spent = time.monotonic() - self._began
        limit = self._budget.seconds
        return "no time left" if limit is not None and spent >= limit else None

    def _overall(self, best: Attempt) -> Comparison | None:
        """Compare what is kept with what was given."""
        baseline = self._attempts[0]
        if best is baseline:
            return None
        if best.started_from == baseline.number:
            return best.comparison
        return self._compared(baseline.trials[: len(best.trials)], best.trials)

    def _tell(self, best: Attempt) -> None:
        if self._on_attempt is not None:
            self._on_attempt(self._ended(best, "nothing left to try"))

    def _ended(self, best: Attempt, ending: Ending) -> Treatment:
        trials = [trial for one in self._attempts for trial in one.trials]
        return Treatment(
            attempts=tuple(self._attempts),
            best=best.number,
            ending=ending,
            overall=self._overall(best),
            settings=self._settings.known,
            seconds=sum(one.seconds for one in trials),
        )


def _standing(
    best: Attempt, trials: Sequence[Trial], comparison: Comparison | None
) -> tuple[Standing, str]:
    """Keep what is better, and what is no worse with fewer alarms."""
    alarms = sum(one.alarms for one in trials) / len(trials)
    before = sum(one.alarms for one in best.trials[: len(trials)]) / len(trials)
    verdict = comparison.verdict if comparison is not None else "cannot tell"
    reason = comparison.reason if comparison is not None else "nothing could be compared"
    fewer = f"{alarms:.3g} alarms in place of {before:.3g}"
    if verdict == "worse":
        return "reverted", f"Worse: {reason}."
    if verdict == "better":
        return "kept", f"Better: {reason}."
    if alarms < before:
        return "kept", f"No worse, and {fewer}: {reason}."
    return "reverted", f"Not better, and {fewer}: {reason}."


def _identity(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=repr)
