"""Artifacts that the server keeps for its clients are found without asking the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact import artifact_repository_registry
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tuneguard.server.artifact_places import serve_proxied_artifacts


@pytest.fixture(autouse=True)
def destination(tmp_path: Path) -> Iterator[Path]:
    registry = artifact_repository_registry._artifact_repository_registry
    before = registry._registry["mlflow-artifacts"]
    serve_proxied_artifacts(str(tmp_path / "kept"))
    yield tmp_path / "kept"
    registry.register("mlflow-artifacts", before)


def test_a_client_writes_where_the_server_keeps_it(
    client: MlflowClient, destination: Path
) -> None:
    experiment = client.create_experiment("proxied", "mlflow-artifacts:/7")
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, "text", "tuneguard/diagnosis.json")

    kept = destination / "7" / run_id / "artifacts" / "tuneguard" / "diagnosis.json"
    assert kept.read_text() == "text"


@pytest.mark.parametrize("path", ["../outside", "7/%2e%2e/%2e%2e/outside", "7/..%2foutside"])
def test_no_address_leads_out_of_that_place(path: str) -> None:
    with pytest.raises(MlflowException, match="Invalid path"):
        get_artifact_repository(f"mlflow-artifacts:/{path}")
