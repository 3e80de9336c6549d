"""One of several workers of a study: `python worker_process.py STORAGE TRIALS`.

Every second trial is lost: in half of those the callback's thread says so, and the others report
NaN.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time

import optuna

from tuneguard.findings import Evidence, Finding, Severity
from tuneguard.optuna import TuneGuardPruner, report_to

STUDY = "shared"
EPOCHS = 10


def objective(trial: optuna.Trial) -> float:
    kind = trial.suggest_categorical("kind", ["told", "nan", "fine", "slow"])
    trial.set_user_attr("process", os.getpid())
    for epoch in range(EPOCHS):
        if kind == "told" and epoch == 3:
            alerts = threading.Thread(target=report_to(trial), args=(lost(),))
            alerts.start()
            alerts.join()
        falling = (0.7 if kind == "slow" else 0.3) + 0.8**epoch
        trial.report(math.nan if kind == "nan" and epoch > 3 else falling, epoch)
        time.sleep(0.01)
        if trial.should_prune():
            raise optuna.TrialPruned
    return falling


def lost() -> Finding:
    seen = (Evidence("train/loss", "level", 9.0, 2.3, (0, 300)),)
    return Finding(
        "divergence", "TG402", Severity.CRITICAL, "It ran away.", "All is lost.", seen, 0.9
    )


if __name__ == "__main__":
    study = optuna.load_study(
        study_name=STUDY,
        storage=sys.argv[1],
        sampler=optuna.samplers.RandomSampler(seed=os.getpid()),
        pruner=TuneGuardPruner(optuna.pruners.MedianPruner()),
    )
    study.optimize(objective, n_trials=int(sys.argv[2]))
