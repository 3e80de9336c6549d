"""Doomed trials end, the others do not, and the reason is kept beside them."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tuneguard.findings import Evidence, Finding, Severity
from tuneguard.optuna import DOOMED, PRUNED, TuneGuardPruner, report_to, should_prune

EPOCHS = 20
FALLING = [0.3 + 2.0 * 0.8**epoch for epoch in range(EPOCHS)]
LOST = [*FALLING[:5], *[math.nan] * (EPOCHS - 5)]


def finding(rule: str, severity: Severity = Severity.CRITICAL, **more: Any) -> Finding:
    seen = (Evidence("train/loss", "level", 2.3, 2.2, (0, 80)),)
    return Finding(rule, "TG000", severity, "It was seen.", "It matters.", seen, 0.9, **more)


def study_of(pruner: Any, **options: Any) -> optuna.Study:
    return optuna.create_study(pruner=pruner, **options)


def reported(study: optuna.Study, values: list[float]) -> optuna.trial.FrozenTrial:
    """Report values until the trial is pruned."""
    trial = study.ask()
    for epoch, value in enumerate(values):
        trial.report(value, epoch)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            break
    else:
        study.tell(trial, values[-1])
    return study.trials[-1]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_nan_that_stays_ends_a_trial(direction: str) -> None:
    study = study_of(TuneGuardPruner(), direction=direction)

    trial = reported(study, LOST)

    assert trial.state is TrialState.PRUNED
    assert trial.last_step in {5, 6}
    assert "non-finite-values (TG401)" in trial.user_attrs[PRUNED]


def test_a_falling_loss_and_a_bad_one_are_left_alone() -> None:
    study = study_of(TuneGuardPruner())

    assert reported(study, FALLING).state is TrialState.COMPLETE
    assert reported(study, [10.0 * value for value in FALLING]).state is TrialState.COMPLETE
    assert all(PRUNED not in trial.user_attrs for trial in study.trials)


def test_the_wrapped_pruner_decides_on_the_others() -> None:
    study = study_of(TuneGuardPruner(optuna.pruners.MedianPruner(n_startup_trials=1)))
    reported(study, FALLING)

    worse = reported(study, [10.0 * value for value in FALLING])
    lost = reported(study, [0.1, *LOST[1:]])

    assert (worse.state, worse.last_step) == (TrialState.PRUNED, 0)
    assert PRUNED not in worse.user_attrs
    assert PRUNED in lost.user_attrs


def test_a_doomed_trial_is_not_asked_of_the_wrapped_pruner() -> None:
    class Never(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            raise AssertionError("asked")

    study = study_of(TuneGuardPruner(Never()))
    trial = study.ask()
    report_to(trial)(finding("divergence"))

    assert trial.should_prune()


@pytest.mark.parametrize(
    "told",
    [
        finding("overfitting", Severity.WARNING),
        finding("exploding-gradients"),
        finding("no-learning", Severity.WARNING),
    ],
    ids=["a warning", "not of a hopeless kind", "hopeless, but not critical"],
)
def test_other_findings_do_not_end_a_trial(told: Finding) -> None:
    study = study_of(TuneGuardPruner())
    trial = study.ask()

    report_to(trial)(told)

    assert not trial.should_prune()
    assert DOOMED not in trial.user_attrs


@pytest.mark.parametrize("storage", [None, "sqlite"])
def test_what_another_thread_finds_ends_the_trial(storage: str | None, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'study.db'}" if storage else None
    study = study_of(TuneGuardPruner(), storage=uri)
    trial = study.ask()
    cause = finding("dead-units", Severity.WARNING, symptoms=(finding("no-learning"),))
    thread = threading.Thread(target=report_to(trial), args=(cause,))

    assert not trial.should_prune()
    thread.start()
    thread.join()

    assert trial.should_prune()
    kept = study.get_trials()[0].user_attrs
    assert kept[DOOMED] == {
        "rule": "no-learning",
        "rule_id": "TG000",
        "summary": "It was seen.",
        "step": 80,
    }
    assert kept[PRUNED] == "no-learning (TG000): It was seen."


def test_a_finding_that_comes_late_leaves_an_ended_trial_alone() -> None:
    study = study_of(TuneGuardPruner())
    trial = study.ask()
    study.tell(trial, 1.0)

    report_to(trial)(finding("divergence"))

    assert study.trials[0].user_attrs == {}


def test_the_first_finding_is_kept() -> None:
    study = study_of(TuneGuardPruner())
    trial = study.ask()

    for rule in ("divergence", "non-finite-values"):
        report_to(trial)(finding(rule))

    assert trial.user_attrs[DOOMED]["rule"] == "divergence"


class Guard:
    should_stop = False


def test_a_callback_that_says_stop_ends_the_trial() -> None:
    study, guard = study_of(TuneGuardPruner()), Guard()
    trial = study.ask()

    assert not should_prune(trial, guard)
    guard.should_stop = True

    assert should_prune(trial, guard)
    assert "critical fault" in study.trials[0].user_attrs[PRUNED]


def test_another_pruner_is_free_to_ignore_it() -> None:
    study, guard = study_of(optuna.pruners.NopPruner()), Guard()
    guard.should_stop = True

    assert not should_prune(study.ask(), guard)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_pruner_goes_to_other_processes(copied: Any) -> None:
    pruner = TuneGuardPruner(optuna.pruners.MedianPruner())
    reported(study_of(pruner), FALLING)

    assert repr(copied(pruner)) == "TuneGuardPruner(MedianPruner())"
    assert reported(study_of(copied(pruner)), LOST).state is TrialState.PRUNED
