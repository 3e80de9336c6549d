"""What every test needs that touches MLflow or the disk: a store and a spool of its own.

MLflow is imported by the fixtures that use it: most tests need none.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage in what the tests make: what is imported and collected stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(autouse=True)
def quiet_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep MLflow from telling its makers and the terminal about runs of tests."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "1")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)


@pytest.fixture(autouse=True)
def spool_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEGUARD_SPOOL", str(tmp_path / "spool"))
    return tmp_path / "spool"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what is inside of pictures: drawing takes long, and has tests of its own."""
    for module in ("tuneguard.reports.svg", "tuneguard.reports.comparison.svg"):
        monkeypatch.setattr(f"{module}.drawn", lambda *_, **__: "<svg></svg>")


@pytest.fixture(scope="session")
def known_schema() -> Iterator[None]:
    """Let MLflow look once which schema is the newest: it loads all migrations for that."""
    from mlflow.store.db import utils

    with pytest.MonkeyPatch.context() as patch:
        newest = cache(utils._get_latest_schema_revision)
        patch.setattr(utils, "_get_latest_schema_revision", newest)
        yield


@pytest.fixture(scope="session")
def empty_store(known_schema: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose tables exist: creating them takes seconds, copying it none."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def tracking_uri(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    import mlflow

    path = tmp_path / "mlflow.db"
    path.write_bytes(empty_store.read_bytes())
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{path}"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    yield uri
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def client(tracking_uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri)


@pytest.fixture
def run_id(client: MlflowClient) -> str:
    experiment = client.create_experiment("training")
    return client.create_run(experiment).info.run_id
