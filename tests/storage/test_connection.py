"""What the border to MLflow does to errors and to noise."""

from __future__ import annotations

import os

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2 as codes

from tuneguard.exceptions import RunNotFoundError, StoreUnreachableError, TuneGuardError
from tuneguard.storage.connection import translated_errors, without_progress_bars
from tuneguard.storage.store_probe import without_password

BARS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (MlflowException("gone", codes.RESOURCE_DOES_NOT_EXIST), RunNotFoundError, "no run 'abc'"),
        (MlflowException("no", codes.PERMISSION_DENIED), StoreUnreachableError, "refused: no"),
        (
            MlflowException("out-of-date database schema ... `mlflow db upgrade <uri>`"),
            StoreUnreachableError,
            "mlflow db upgrade sqlite:///x.db",
        ),
        (MlflowException("first\nsecond"), StoreUnreachableError, "could not answer: first$"),
    ],
)
def test_errors_of_mlflow_say_what_to_do(
    raised: MlflowException, expected: type[TuneGuardError], message: str
) -> None:
    with (
        pytest.raises(expected, match=message) as caught,
        translated_errors("sqlite:///x.db", "abc"),
    ):
        raise raised
    assert caught.value.__cause__ is raised


def test_progress_bars_are_off_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BARS, raising=False)
    with without_progress_bars():
        assert os.environ[BARS] == "false"
    assert BARS not in os.environ


def test_progress_bars_that_the_user_wants_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BARS, "true")
    with without_progress_bars():
        assert os.environ[BARS] == "true"
    assert os.environ[BARS] == "true"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:p@:ss@host/x", "https://me:***@host/x"),
        ("https://host:5000/a@b", "https://host:5000/a@b"),
        ("sqlite:////tmp/a:b@c.db", "sqlite:////tmp/a:b@c.db"),
    ],
)
def test_passwords_are_masked(uri: str, shown: str) -> None:
    assert without_password(uri) == shown
