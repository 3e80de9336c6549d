from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from tuneguard.storage.own_monitor import is_monitored


class IdleMonitor:
    """MLflow's monitor, without its thread."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def start(self) -> None: ...

    def finish(self) -> None: ...


@pytest.fixture
def mlflow_with_monitor(monkeypatch: pytest.MonkeyPatch, tracking_uri: str) -> ModuleType:
    """MLflow wants `psutil` for its monitor, which need not be installed here."""
    psutil = ModuleType("psutil")
    psutil.__spec__ = ModuleSpec("psutil", None)
    monkeypatch.setitem(sys.modules, "psutil", psutil)
    monkeypatch.setattr(
        "mlflow.system_metrics.system_metrics_monitor.SystemMetricsMonitor", IdleMonitor
    )
    import mlflow

    return mlflow


@pytest.mark.parametrize("asked", ["argument", "function", "environment"])
def test_a_run_with_system_metrics_is_known(
    mlflow_with_monitor: ModuleType, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    # what the function changes is put back
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    if asked == "function":
        mlflow_with_monitor.enable_system_metrics_logging()
    elif asked == "environment":
        monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    chosen = True if asked == "argument" else None
    with mlflow_with_monitor.start_run(log_system_metrics=chosen) as run:
        assert is_monitored(run.info.run_id)
        assert not is_monitored("another")
    assert not is_monitored(run.info.run_id)


def test_other_runs_are_not_monitored(mlflow_with_monitor: ModuleType) -> None:
    with mlflow_with_monitor.start_run(log_system_metrics=False) as run:
        assert not is_monitored(run.info.run_id)
    assert not is_monitored(None)


def test_what_was_asked_for_counts_where_mlflow_does_not_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow.tracking import fluent

    monkeypatch.delattr(fluent, "run_id_to_system_metrics_monitor")
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    assert is_monitored("run")
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    assert not is_monitored("run")
