"""Whether a tracking store is there, asked in seconds and without creating anything.

MLflow creates a database that does not exist, and retries a server that does not answer for
minutes. A reader wants neither.
"""

from __future__ import annotations

import re
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tuneguard.exceptions import StoreUnreachableError

TIMEOUT_SECONDS = 5.0

_SQLITE = re.compile(r"^sqlite(\+\w+)?:///(?P<path>[^?]*)")
_DATABASE_PORTS = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mssql": 1433}
_WEB_PORTS = {"http": 80, "https": 443}


def check_store(uri: str) -> None:
    """Make sure that something answers at `uri`.

    Args:
        uri: A tracking URI as MLflow takes it.

    Raises:
        StoreUnreachableError: Nothing is there, or it is not an MLflow store.
    """
    sqlite = _SQLITE.match(uri)
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    port = (_DATABASE_PORTS | _WEB_PORTS).get(scheme)
    if sqlite:
        _check_sqlite(uri, sqlite["path"])
    elif scheme in {"", "file"}:
        _check_directory(uri, parts.path)
    elif port is not None and parts.hostname:
        _check_host(uri, parts.hostname, parts.port or port)


def is_new_database(uri: str) -> bool:
    """Whether `uri` names a SQLite database that MLflow would create in a folder that is there.

    >>> is_new_database("sqlite:///no/such/folder/mlflow.db"), is_new_database("sqlite://")
    (False, False)
    """
    sqlite = _SQLITE.match(uri)
    path = sqlite["path"] if sqlite else ""
    if path in {"", ":memory:"} or path.startswith("file:"):
        return False
    return not Path(path).exists() and Path(path).absolute().parent.is_dir()


def _check_sqlite(uri: str, path: str) -> None:
    if path in {"", ":memory:"} or path.startswith("file:"):
        return
    file = Path(path)
    if not file.is_file():
        raise StoreUnreachableError(
            f"There is no database {file.absolute()} (tracking URI {uri}). "
            "Name the one that your training wrote to with --tracking-uri or "
            "MLFLOW_TRACKING_URI; a relative path counts from the current folder."
        )
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            query = "SELECT count(*) FROM sqlite_master WHERE name IN ('runs', 'latest_metrics')"
            tables = database.execute(query).fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StoreUnreachableError(
            f"{file.absolute()} cannot be read as a SQLite database ({error}). "
            "Name MLflow's database with --tracking-uri."
        ) from error
    if tables < 2:
        raise StoreUnreachableError(
            f"{file.absolute()} is not a database of MLflow: it has no table of runs. "
            "Name MLflow's database with --tracking-uri."
        )


def _check_directory(uri: str, path: str) -> None:
    if not Path(unquote(path)).is_dir():
        raise StoreUnreachableError(
            f"The tracking URI {uri} is neither a server, a database nor a folder that exists. "
            "Examples: --tracking-uri http://localhost:5000, --tracking-uri sqlite:///mlflow.db."
        )


def _check_host(uri: str, host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=TIMEOUT_SECONDS).close()
    except OSError as error:
        raise StoreUnreachableError(
            f"Nothing answers at the tracking URI {without_password(uri)} ({error}). "
            "Start the server, or name another with --tracking-uri or MLFLOW_TRACKING_URI."
        ) from error


def without_password(uri: str) -> str:
    """Return `uri` with its password masked, fit to be shown and stored.

    >>> without_password("postgresql://me:secret@host/mlflow")
    'postgresql://me:***@host/mlflow'
    """
    return re.sub(r"(?<=://)([^/@:]*):[^/]*@", r"\1:***@", uri)
