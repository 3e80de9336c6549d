"""Whether a tracking store can be written to, found out without leaving anything behind."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from tuneguard.exceptions import StoreUnreachableError
from tuneguard.storage.connection import connect, store_of, translated_errors
from tuneguard.storage.reachability import impatient_requests
from tuneguard.storage.store_probe import without_password

_SQLITE = re.compile(r"sqlite(\+\w+)?:///(?P<path>[^?:][^?]*)")
_NO_SUCH_RUN = "0" * 32
_LOCK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class WriteAccess:
    """Whether a store takes what a recorder would write.

    Attributes:
        is_certain: Whether the check proves it for the run that was asked about.
        how: How it was checked, in one sentence.
    """

    is_certain: bool
    how: str


def tracking_uri_in_use(tracking_uri: str | None = None) -> str:
    """Return the tracking URI that MLflow would use, its password masked."""
    return without_password(tracking_uri or mlflow.get_tracking_uri())


def sqlite_file(tracking_uri: str | None = None) -> Path | None:
    """Return the file of a SQLite store, whether it exists or not; `None` for other stores."""
    match = _SQLITE.match(tracking_uri or mlflow.get_tracking_uri())
    return Path(match["path"]) if match else None


def check_reading(tracking_uri: str | None = None) -> str:
    """Read the newest experiments, and return what was seen in one sentence.

    Raises:
        StoreUnreachableError: The store is not there, does not answer, or refuses.
    """
    client = connect(tracking_uri)
    with impatient_requests(), translated_errors(client.tracking_uri):
        experiments = client.search_experiments(max_results=100)
    more = "+" if len(experiments) == 100 else ""
    return f"answers, with {len(experiments)}{more} experiments"


def check_writing(tracking_uri: str | None = None) -> WriteAccess:
    """Find out whether the store takes writes, by writing nothing.

    Raises:
        StoreUnreachableError: It does not answer, or refuses.
    """
    client = connect(tracking_uri)
    if (file := sqlite_file(client.tracking_uri)) is not None:
        return _check_sqlite(file)
    with impatient_requests(), translated_errors(client.tracking_uri):
        experiments = client.search_experiments(max_results=100)
        runs = client.search_runs([one.experiment_id for one in experiments], max_results=1)
        run_id = runs[0].info.run_id if runs else _NO_SUCH_RUN
        try:
            store_of(client).log_batch(run_id, metrics=[], params=[], tags=[])
        except MlflowException as error:
            if runs or error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            how = "an empty batch for a run that does not exist was refused for that reason alone"
            return WriteAccess(False, how)
    is_server = client.tracking_uri.startswith("http")
    return WriteAccess(is_server, f"an empty batch was accepted for run {run_id}")


def _check_sqlite(file: Path) -> WriteAccess:
    if not os.access(file.absolute().parent, os.W_OK):
        raise StoreUnreachableError(
            f"The folder {file.absolute().parent} cannot be written to, and SQLite keeps its "
            "journal there: give yourself the right to, or name another store."
        )
    try:
        address = f"{file.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=_LOCK_SECONDS)) as database:
            database.isolation_level = None
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        raise StoreUnreachableError(
            f"{file.absolute()} cannot be written to ({error}): end the process that holds it, "
            "or give yourself the right to write."
        ) from error
    return WriteAccess(True, "a transaction was begun and rolled back")
