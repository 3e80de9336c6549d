"""Where a person looks at a run, at its findings, and at an experiment."""

from __future__ import annotations

import shlex
from typing import Literal
from urllib.parse import quote

from tuneguard.storage.store_probe import without_password

_LOCAL_SERVER = "http://127.0.0.1:5000"
# without the type, a fresh browser opens MLflow's pages for language models
_TYPE = "workflowType=machine_learning"

Tab = Literal["", "/traces", "/artifacts"]


def run_page(tracking_uri: str, experiment_id: str, run_id: str) -> str:
    """Return the address of a run's page and, where no server is known, how to start one.

    >>> run_page("http://mlflow:5000/", "1", "abc")
    'http://mlflow:5000/#/experiments/1/runs/abc?workflowType=machine_learning'
    """
    return with_command(run_address(tracking_uri, experiment_id, run_id), tracking_uri)


def findings_page(tracking_uri: str, experiment_id: str, run_id: str) -> str:
    """Return the address of a run's findings and, where no server is known, how to start one."""
    address = run_address(tracking_uri, experiment_id, run_id, "/traces")
    return with_command(address, tracking_uri)


def run_address(tracking_uri: str, experiment_id: str, run_id: str, tab: Tab = "") -> str:
    """Return the address of a run's page, or of one of its tabs.

    >>> run_address("http://mlflow:5000", "1", "abc", "/traces")
    'http://mlflow:5000/#/experiments/1/runs/abc/traces?workflowType=machine_learning'
    """
    return f"{_server(tracking_uri)}/#/experiments/{experiment_id}/runs/{run_id}{tab}?{_TYPE}"


def view_address(tracking_uri: str, experiment_id: str, view_id: str) -> str:
    """Return the address of an experiment's runs, seen through a saved view."""
    page = f"{_server(tracking_uri)}/#/experiments/{experiment_id}/runs"
    return f"{page}?viewStateShareKey={quote(view_id)}&{_TYPE}"


def queue_address(tracking_uri: str, experiment_id: str) -> str:
    """Return the address of an experiment's review queues."""
    return f"{_server(tracking_uri)}/#/experiments/{experiment_id}/review-queue?workflowType=genai"


def with_command(address: str, tracking_uri: str) -> str:
    """Return an address and, where no server is known, how to start one.

    >>> with_command("http://127.0.0.1:5000/", "sqlite:///my runs.db").partition(" ")[2]
    "(start the server with: mlflow server --backend-store-uri 'sqlite:///my runs.db' --workers 1)"
    """
    if _is_server(tracking_uri):
        return address
    store = shlex.quote(without_password(tracking_uri))
    command = f"mlflow server --backend-store-uri {store} --workers 1"
    return f"{address} (start the server with: {command})"


def _server(tracking_uri: str) -> str:
    return (
        without_password(tracking_uri).rstrip("/") if _is_server(tracking_uri) else _LOCAL_SERVER
    )


def _is_server(tracking_uri: str) -> bool:
    return tracking_uri.startswith(("http://", "https://"))
