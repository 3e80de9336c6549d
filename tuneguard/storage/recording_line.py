"""The line that would record what a run lacks, by who logged it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mlflow.utils.mlflow_tags import MLFLOW_AUTOLOGGING

from tuneguard import keys

_OF_THE_TRAINER = "per_device_train_batch_size"
_ATTACHED = "callbacks=[TuneGuardCallback()]"
_LINES: Mapping[str, tuple[str, str, str]] = {
    "transformers": ("Hugging Face's Trainer", f"Trainer(..., {_ATTACHED})", "transformers"),
    "pytorch": ("MLflow's autologging of Lightning", f"Trainer({_ATTACHED})", "lightning"),
    "MLFlowLogger": ("Lightning's MLFlowLogger", f"Trainer({_ATTACHED})", "lightning"),
    "keras": ("MLflow's autologging of Keras", f"model.fit(..., {_ATTACHED})", "keras"),
}


def recording_line(
    metrics: Collection[str], params: Collection[str], tags: Mapping[str, str]
) -> str | None:
    """Name the line that attaches the callback, where it is seen what logged the run.

    Args:
        metrics: Keys of the run's metrics.
        params: Names of its params.
        tags: Its tags.

    Returns:
        A sentence; `None` for a run that was recorded, or whose framework is not seen.

    >>> recording_line(["loss"], ["learning_rate"], {})
    """
    if any(key.startswith(keys.PREFIX) for key in metrics):
        return None
    logged_by = tags.get(MLFLOW_AUTOLOGGING, "")
    if _OF_THE_TRAINER in params:
        logged_by = "transformers"
    elif not logged_by and _is_lightnings(set(metrics)):
        logged_by = "MLFlowLogger"
    if logged_by not in _LINES:
        return None
    who, line, package = _LINES[logged_by]
    return (
        f"The run has what {who} logs. One line records gradients, updates and every loss, so "
        f"that the rest can be judged: {line}, with TuneGuardCallback from tuneguard.{package} "
        f'(pip install "tuneguard[{package}]").'
    )


def _is_lightnings(metrics: set[str]) -> bool:
    """Whether keys are as Lightning's own loggers write them: `epoch` beside forks of a metric.

    Also `lr-Adam` and the like, of its `LearningRateMonitor`. A run with neither looks like
    anybody's.
    """
    stems = {key.removesuffix("_step") for key in metrics if key.endswith("_step")}
    is_forked = any(f"{stem}_epoch" in metrics for stem in stems)
    return "epoch" in metrics and (is_forked or any(key.startswith("lr-") for key in metrics))
