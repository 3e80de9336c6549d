"""The run that a recording belongs to: found, or started and ended."""

from __future__ import annotations

import logging
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import mlflow

from tuneguard.spool.spool_folder import Ticket
from tuneguard.storage.reachability import impatient_requests, is_reachable, within
from tuneguard.storage.store_probe import without_password

PROBE_SECONDS = 5.0
DEFAULT_EXPERIMENT_ID = "0"

_RELATIVE = re.compile(r"(sqlite:///(?=[^/])|(?=\.))([^:]+)")

_logger = logging.getLogger(__name__)


def is_run_open() -> bool:
    """Whether MLflow has a run open in this thread."""
    return mlflow.active_run() is not None


def choose_run(
    run_id: str | None = None, tracking_uri: str | None = None, experiment: str | None = None
) -> Ticket:
    """Say where a recording belongs, and start a run where none is open.

    A run that is started becomes MLflow's active run, so that what the training logs itself goes
    to the same place. Where the store does not answer within seconds, the recording goes on
    without a run, which `tuneguard sync` creates later.

    Args:
        run_id: An existing run; it is neither started nor ended.
        tracking_uri: The store; MLflow's own choice where not given.
        experiment: Name of the experiment for a new run.
    """
    uri = tracking_uri or mlflow.get_tracking_uri()
    now = time.time_ns() // 1_000_000
    place = absolute(uri)
    if run_id is not None:
        return Ticket(place, run_id, experiment, now)
    active = mlflow.active_run()
    if active is not None and tracking_uri in {None, mlflow.get_tracking_uri()}:
        return Ticket(place, active.info.run_id, None, now, open_here=True)
    experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    ticket = Ticket(place, None, experiment, now, own_run=True)
    if within(PROBE_SECONDS, lambda: is_reachable(uri)):
        try:
            return replace(ticket, run_id=_start(uri, experiment))
        except Exception as error:  # noqa: BLE001 - whatever MLflow raises, training goes on
            _warn(uri, str(error).partition("\n")[0])
    else:
        _warn(uri, "nothing answers")
    return ticket


def follow_run(
    run_id: str | None = None, tracking_uri: str | None = None, experiment: str | None = None
) -> Ticket:
    """Say where another rank than the first records until it hears from rank 0; starts nothing.

    Args:
        run_id: An existing run, where it is given.
        tracking_uri: The store; MLflow's own choice where not given.
        experiment: Name of the experiment for a run that rank 0 starts.
    """
    uri = tracking_uri or mlflow.get_tracking_uri()
    return Ticket(absolute(uri), run_id, experiment, time.time_ns() // 1_000_000)


def absolute(uri: str) -> str:
    """Return a tracking URI that means the same from any folder.

    >>> absolute("http://localhost:5000"), absolute("sqlite:////data/mlflow.db")
    ('http://localhost:5000', 'sqlite:////data/mlflow.db')
    """
    relative = _RELATIVE.fullmatch(uri)
    return f"{relative[1]}{Path(relative[2]).absolute()}" if relative else uri


def end_run(ticket: Ticket, status: str) -> bool:
    """End the run that `choose_run` started, and return whether the store knows.

    Takes a few seconds at most, whatever the store does. The run is no longer MLflow's active run
    afterwards.
    """
    with impatient_requests():
        try:
            return _end(ticket, status)
        except Exception as error:  # noqa: BLE001 - whatever MLflow raises, training has ended
            _logger.debug("The end of run %s could not be told: %s", ticket.run_id, error)
            return False


def _start(uri: str, experiment: str | None) -> str:
    """Start MLflow's active run; beside one that is active in another store, just a run."""
    is_free = mlflow.active_run() is None
    if is_free and uri != mlflow.get_tracking_uri():
        mlflow.set_tracking_uri(uri)
    with impatient_requests(10):
        client = mlflow.MlflowClient(uri)
        experiment_id = experiment_named(client, experiment) if experiment else None
        if is_free:
            return str(mlflow.start_run(experiment_id=experiment_id).info.run_id)
        return str(client.create_run(experiment_id or DEFAULT_EXPERIMENT_ID).info.run_id)


def _end(ticket: Ticket, status: str) -> bool:
    if ticket.run_id is None:
        return False
    active = mlflow.active_run()
    if active is not None and active.info.run_id == ticket.run_id:
        mlflow.end_run(status)
        return True
    client = mlflow.MlflowClient(ticket.tracking_uri)
    if client.get_run(ticket.run_id).info.status == "RUNNING":
        client.set_terminated(ticket.run_id, status)
    return True


def experiment_named(client: mlflow.MlflowClient, name: str) -> str:
    """Return the id of the experiment of this name, which is created where there is none.

    Raises:
        mlflow.exceptions.MlflowException: The store did not answer, or refused.
    """
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _warn(uri: str, reason: str) -> None:
    _logger.warning(
        "No run could be started in %s (%s). Training goes on and is recorded on local disk; "
        "send it later with: tuneguard sync",
        without_password(uri),
        reason,
    )
