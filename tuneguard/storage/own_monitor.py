"""Whether MLflow itself is recording the machine into a run."""

from __future__ import annotations

from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING
from mlflow.tracking import fluent


def is_monitored(run_id: str | None) -> bool:
    """Return whether MLflow's system metrics are on for a run, as far as this process knows.

    Args:
        run_id: The run; `None` while there is none.
    """
    if run_id is None:
        return False
    monitors = getattr(fluent, "run_id_to_system_metrics_monitor", None)
    if monitors is None:
        # not a public name: without it, what the user has asked for has to do
        return bool(MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get())  # type: ignore[no-untyped-call] # MLflow has no types for it
    return run_id in monitors
