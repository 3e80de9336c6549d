"""Which run a training of Lightning belongs to, and which keys Lightning logs into it."""

from __future__ import annotations

from typing import Any

from tuneguard.storage.run_choice import is_run_open


def run_place(trainer: Any) -> dict[str, Any]:
    """Return where to record, as `tuneguard.TuneGuardCallback` takes it.

    The run that MLflow has open comes first: the user's, or that of `mlflow.pytorch.autolog`,
    which opens one before training begins. Without any it is the run of the Trainer's
    `MLFlowLogger`. Without that either it is left to the recorder, which starts one.
    """
    logger = _mlflow_logger(trainer)
    if logger is None or is_run_open():
        return {}
    run_id = logger.run_id
    # ranks after the first have neither a run nor a client here: rank 0 tells them
    return {} if run_id is None else _place(run_id, logger.experiment.tracking_uri)


def logged_keys(trainer: Any) -> set[str]:
    """Return the keys that go from Lightning into MLflow, as far as they are known by now."""
    if _mlflow_logger(trainer) is None and not _is_autologged(trainer):
        return set()
    return {*trainer.callback_metrics, *trainer.logged_metrics}


def _place(run_id: str, tracking_uri: str) -> dict[str, Any]:
    return {"run_id": run_id, "tracking_uri": tracking_uri}


def _mlflow_logger(trainer: Any) -> Any:
    """The first logger of this class, whichever name Lightning was imported under."""
    for logger in trainer.loggers:
        if any(one.__name__ == "MLFlowLogger" for one in type(logger).__mro__):
            return logger
    return None


def _is_autologged(trainer: Any) -> bool:
    return any(type(one).__module__.startswith("mlflow.") for one in trainer.callbacks)
