"""The border to MLflow: one way in, and its errors in words that say what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import mlflow
from mlflow.entities import LifecycleStage, Run
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.rest_utils import http_request

from tuneguard.exceptions import (
    RunDeletedError,
    RunNotFoundError,
    StoreUnreachableError,
    TuneGuardError,
)
from tuneguard.storage.store_probe import TIMEOUT_SECONDS, check_store, without_password

_NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}
_NOT_KNOWN = {"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
_ANSWER = re.compile(r"API request to endpoint \S*/mlflow/(\S+) .*Response body: '(.*)'$")
_GATEWAY_FAILURES = {
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_PROGRESS_BARS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"


def uri_in_use(tracking_uri: str | None = None) -> str:
    """Return the tracking URI that MLflow would use, with its password if it has one."""
    return tracking_uri or str(mlflow.get_tracking_uri())


def connect(tracking_uri: str | None = None) -> mlflow.MlflowClient:
    """Return a client of a tracking store that is known to answer.

    Args:
        tracking_uri: The store; MLflow's own choice where not given.

    Raises:
        StoreUnreachableError: The store is not there, does not answer, or refuses.
    """
    uri = uri_in_use(tracking_uri)
    check_store(uri)
    with translated_errors(uri):
        client = mlflow.MlflowClient(tracking_uri=uri)
        if isinstance(store_of(client), RestStore):
            _check_server(client, uri)
    return client


def find_run(client: mlflow.MlflowClient, run_id: str) -> Run:
    """Return a run that is not deleted.

    Args:
        client: Client of the store that holds it.
        run_id: The run.

    Raises:
        RunNotFoundError: The store has no such run.
        RunDeletedError: The run is in the trash.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    with translated_errors(client.tracking_uri, run_id):
        run = client.get_run(run_id)
    if run.info.lifecycle_stage == LifecycleStage.DELETED:
        raise RunDeletedError(
            f"Run {run_id} is deleted. Restore it first: mlflow runs restore --run-id {run_id} "
            f"(with MLFLOW_TRACKING_URI={without_password(client.tracking_uri)})."
        )
    return run


@contextmanager
def translated_errors(uri: str, run_id: str | None = None) -> Iterator[None]:
    """Raise what MLflow raises as a `TuneGuardError` that says what to do.

    Args:
        uri: The tracking URI in use.
        run_id: The run that is asked for, where it is one run.

    Raises:
        TuneGuardError: MLflow raised.
    """
    try:
        yield
    except MlflowException as error:
        raise _translated(error, without_password(uri), run_id) from error


def _translated(error: MlflowException, uri: str, run_id: str | None) -> TuneGuardError:
    reason = _ANSWER.sub(r"\1: \2", str(error.message).strip().partition("\n")[0]).rstrip(".")
    if "MLFLOW_ALLOW_FILE_STORE" in str(error):
        return StoreUnreachableError(
            f"MLflow no longer opens file stores such as {uri}. Convert it once: "
            "mlflow migrate-filestore --source FOLDER --target sqlite:///mlflow.db "
            "(FOLDER is the one that holds mlruns), or set MLFLOW_ALLOW_FILE_STORE=true."
        )
    if "mlflow db upgrade" in str(error):
        return StoreUnreachableError(
            f"The database {uri} was written by another version of MLflow. "
            f"Back it up, then run: mlflow db upgrade {uri}"
        )
    if error.error_code in _NOT_KNOWN:
        return StoreUnreachableError(
            f"The store {uri} refused: {reason}. Set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
    if error.error_code == "PERMISSION_DENIED":
        return StoreUnreachableError(
            f"The store {uri} refused: {reason}. Your account lacks the right: reading needs READ "
            "on the experiment, writing a review needs EDIT. Ask for it, or name another account "
            "with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
        )
    if run_id is not None and error.error_code in _NOT_THERE:
        return RunNotFoundError(
            f"There is no run {run_id!r} in {uri}. "
            "If it is kept elsewhere, name the store with --tracking-uri or MLFLOW_TRACKING_URI."
        )
    return StoreUnreachableError(f"The store {uri} could not answer: {reason}")


def _check_server(client: mlflow.MlflowClient, uri: str) -> None:
    """Ask once and briefly: the client itself would retry a broken server for minutes."""
    shown = without_password(uri)
    try:
        answer = ask_server(
            store_of(client),
            "experiments/get",
            {"experiment_id": "0"},
            max_retries=0,
            timeout=TIMEOUT_SECONDS,
        )
    except MlflowException as error:
        raise StoreUnreachableError(
            f"{shown} accepts connections, but gave no answer within {TIMEOUT_SECONDS:g} seconds: "
            f"look into the server's log, or name another with --tracking-uri. ({error.message})"
        ) from error
    if answer.status_code in _GATEWAY_FAILURES:
        raise StoreUnreachableError(
            f"The server {shown} answers {answer.status_code}: "
            "it is starting, overloaded or down. Try again later."
        )
    if answer.status_code == HTTPStatus.NOT_FOUND and "error_code" not in answer.text:
        raise StoreUnreachableError(
            f"{shown} is not an MLflow server: it has no tracking API. "
            "Is the port right, and the path before it?"
        )


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Keep MLflow from drawing a progress bar for each file, unless the user wants them."""
    if _PROGRESS_BARS in os.environ:
        yield
        return
    os.environ[_PROGRESS_BARS] = "false"
    try:
        yield
    finally:
        os.environ.pop(_PROGRESS_BARS, None)


def ask_server(
    store: RestStore, endpoint: str, query: Mapping[str, str | int], **limits: float
) -> Any:
    """Send a request that the client has no method for, signed as the client signs its own.

    Args:
        store: The store behind the client.
        endpoint: Path below `/api/2.0/mlflow/`.
        query: What to ask.
        **limits: `max_retries` and `timeout`, where MLflow's own are too patient.

    Returns:
        The response of `requests`, whatever its status.

    Raises:
        mlflow.exceptions.MlflowException: No answer came.
    """
    return _request(store, endpoint, "GET", params=query, **limits)


def tell_server(
    store: RestStore, endpoint: str, content: Mapping[str, Any], **limits: float
) -> Any:
    """Send a request with a JSON body, signed as the client signs its own.

    Args:
        store: The store behind the client.
        endpoint: Path below `/api/2.0/mlflow/`.
        content: What to tell.
        **limits: `max_retries` and `timeout`, where MLflow's own are too patient.

    Returns:
        The response of `requests`, whatever its status.

    Raises:
        mlflow.exceptions.MlflowException: No answer came.
    """
    return _request(store, endpoint, "POST", json=content, **limits)


def _request(store: RestStore, endpoint: str, method: str, **options: Any) -> Any:
    return http_request(  # type: ignore[no-untyped-call]  # MLflow does not annotate it
        store.get_host_creds(),
        f"/api/2.0/mlflow/{endpoint}",
        method,
        raise_on_status=False,
        **options,
    )


def store_of(client: mlflow.MlflowClient) -> Any:
    """Return the store behind `client`, for the little that the client itself does not offer."""
    return client._tracking_client.store  # noqa: SLF001 - there is no public way to it
