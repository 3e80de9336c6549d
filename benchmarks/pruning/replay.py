"""Searches over trials that were trained to their ends already, with Optuna's own machinery."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.trial import Trial, TrialState

from benchmarks.pruning.search import SPACE
from benchmarks.pruning.training import Trained
from tuneguard.optuna import DOOMED, PRUNED, TuneGuardPruner

NOBODY = "no pruning"
MEDIAN = "`MedianPruner()`"
VALUES = "`TuneGuardPruner()`, by reported values alone"
ALONE = "`TuneGuardPruner()`"
AROUND = "`TuneGuardPruner(MedianPruner())`"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to prune.

    Attributes:
        pruner: Makes the pruner.
        is_recorded: Whether the trials are recorded, and `on_finding=report_to(trial)`.
    """

    pruner: Callable[[], BasePruner]
    is_recorded: bool = False


WAYS: Mapping[str, Way] = {
    NOBODY: Way(NopPruner),
    MEDIAN: Way(MedianPruner),
    VALUES: Way(TuneGuardPruner),
    ALONE: Way(TuneGuardPruner, is_recorded=True),
    AROUND: Way(lambda: TuneGuardPruner(MedianPruner()), is_recorded=True),
}
"""What is compared, each on the same trials in the same order."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to.

    Attributes:
        best_loss: The lowest validation loss of a trial that was not pruned.
        best_accuracy: Validation accuracy where that loss was measured.
        steps: Optimizer steps of all trials together.
        pruned: How many trials were pruned.
        doomed: How many of those as doomed.
    """

    best_loss: float
    best_accuracy: float
    steps: int
    pruned: int
    doomed: int


def search(trials: Sequence[Trained], way: Way) -> Searched:
    """Run a study over trained trials: each reports what it did, and ends where it is pruned."""
    study = optuna.create_study(pruner=way.pruner())
    steps = 0
    for trained in trials:
        study.enqueue_trial(trained.params)
        trial = study.ask(dict(SPACE))
        reports, is_pruned = _replayed(trial, trained, is_recorded=way.is_recorded)
        steps += trained.steps[reports - 1] + 1
        finite = [loss for loss in trained.losses if math.isfinite(loss)]
        if is_pruned:
            study.tell(trial, state=TrialState.PRUNED)
        elif finite:
            study.tell(trial, min(finite))
        else:
            study.tell(trial, state=TrialState.FAIL)
    best = trials[study.best_trial.number]
    return Searched(
        study.best_value,
        best.accuracies[best.losses.index(study.best_value)],
        steps,
        sum(one.state is TrialState.PRUNED for one in study.trials),
        sum(PRUNED in one.user_attrs for one in study.trials),
    )


def _replayed(trial: Trial, trained: Trained, *, is_recorded: bool) -> tuple[int, bool]:
    """Report what a trial measured; return how many reports it made, and whether it was pruned."""
    for index, (step, loss) in enumerate(zip(trained.steps, trained.losses, strict=True)):
        is_told = trained.told_at is not None and trained.told_at <= step
        if is_recorded and is_told and trained.doom is not None:
            trial.set_user_attr(DOOMED, trained.doom.document)
        trial.report(loss, index)
        if trial.should_prune():
            return index + 1, True
    return len(trained.losses), False
