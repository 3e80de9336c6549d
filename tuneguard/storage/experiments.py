"""Experiments whose artifacts lie where the caller wants them."""

from __future__ import annotations

from pathlib import Path

from mlflow import MlflowClient

from tuneguard.storage.connection import translated_errors


def create_experiment(tracking_uri: str, name: str, artifacts: Path) -> None:
    """Create an experiment that keeps its artifacts in a folder, unless there is one already.

    MLflow's own choice for a local store is `mlruns` in whatever folder the process was started.

    Args:
        tracking_uri: A local store.
        name: Name of the experiment.
        artifacts: Folder for the artifacts of its runs.

    Raises:
        StoreUnreachableError: The store refuses.
    """
    with translated_errors(tracking_uri):
        client = MlflowClient(tracking_uri)
        if client.get_experiment_by_name(name) is None:
            client.create_experiment(name, artifact_location=artifacts.absolute().as_uri())
