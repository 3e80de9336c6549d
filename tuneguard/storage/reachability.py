"""Whether a tracking store would answer now: MLflow itself would retry for minutes to find out."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tuneguard.exceptions import StoreUnreachableError
from tuneguard.storage.store_probe import check_store

TIMEOUT_SECONDS = 3.0
_GATEWAY_FAILURES = {
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


def is_reachable(uri: str, timeout: float = TIMEOUT_SECONDS) -> bool:
    """Return whether the store at `uri` answers within `timeout` seconds.

    A database in a file and a local folder always count as reachable: writing creates them.
    """
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme in {"http", "https"}:
        return _answers(f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/health", timeout)
    if scheme in {"", "file", "sqlite"}:
        return True
    try:
        check_store(uri)
    except StoreUnreachableError:
        return False
    return True


def within(seconds: float, question: Callable[[], bool]) -> bool:
    """Return the answer to a question, or `False` where it takes longer than `seconds`."""
    answers: list[bool] = []
    asker = threading.Thread(target=lambda: answers.append(question()), daemon=True)
    asker.start()
    asker.join(seconds)
    return bool(answers and answers[0])


@contextmanager
def impatient_requests(seconds: int = 5) -> Iterator[None]:
    """Let MLflow's requests fail after one attempt of `seconds`."""
    limits = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(seconds),
    }
    before = {name: os.environ.get(name) for name in limits}
    os.environ.update(limits)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _answers(url: str, timeout: float) -> bool:
    try:
        with urlopen(Request(url), timeout=timeout):  # noqa: S310 - the scheme is http or https
            return True
    except HTTPError as error:
        error.close()
        return error.code not in _GATEWAY_FAILURES
    except URLError as error:
        # a certificate that only MLflow's own settings trust is an answer too
        return isinstance(error.reason, ssl.SSLError)
    except (OSError, ValueError):
        return False
