"""What a person should know about the steps of a run's series."""

from __future__ import annotations

from collections.abc import Mapping

from tuneguard.history.series import Series


def course_notes(series: Mapping[str, Series]) -> list[str]:
    """Say where the run went back, where it has no steps, and where it has no course at all.

    Args:
        series: By key.
    """
    return [*_resume_notes(series), *_stepless_notes(series), *_single_value_notes(series)]


def _resume_notes(series: Mapping[str, Series]) -> list[str]:
    jumps = sorted({step for one in series.values() for step in one.rewound_at})
    if not jumps:
        return []
    where = ", ".join(f"{step:g}" for step in jumps[:5])
    return [f"The run went back to step {where}: what it overwrote is left out."]


def _stepless_notes(series: Mapping[str, Series]) -> list[str]:
    """Name the series that were logged without a step, which puts all their points at one."""
    stepless = [key for key, one in series.items() if len(one) == 1 and one.written > 2]
    if not stepless:
        return []
    names = ", ".join(map(repr, stepless[:5]))
    return [f"All points of {names} lie at one step, so only the last counts: log with step=."]


def _single_value_notes(series: Mapping[str, Series]) -> list[str]:
    """Say that results are no course, as where only the final scores of a model were logged."""
    filled = [one for one in series.values() if len(one)]
    if not filled or any(len(one) > 1 or one.written > 1 for one in filled):
        return []
    note = (
        "The run holds single values only, so nothing can be said of how the model trained: log "
        "metrics with step= while it trains. MLflow's autologging of scikit-learn logs final "
        "scores; RunHistory.from_estimator(model) reads what a fitted estimator remembers."
    )
    return [note]
