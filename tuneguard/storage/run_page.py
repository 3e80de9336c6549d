"""Where a person looks at a run."""

from __future__ import annotations

import shlex

from tuneguard.storage.store_probe import without_password

_LOCAL_SERVER = "http://127.0.0.1:5000"


def run_page(tracking_uri: str, experiment_id: str, run_id: str) -> str:
    """Return the address of a run's page and, where no server is known, how to start one.

    >>> run_page("http://mlflow:5000/", "1", "abc")
    'http://mlflow:5000/#/experiments/1/runs/abc?workflowType=machine_learning'
    """
    # without the type, a fresh browser opens MLflow's pages for language models
    fragment = f"#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"
    shown = without_password(tracking_uri)
    if tracking_uri.startswith(("http://", "https://")):
        return f"{shown.rstrip('/')}/{fragment}"
    command = f"mlflow server --backend-store-uri {shlex.quote(shown)} --workers 1"
    return f"{_LOCAL_SERVER}/{fragment} (start the server with: {command})"
