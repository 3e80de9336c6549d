"""What a reader says of runs and stores that cannot be read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from mlflow import MlflowClient, environment_variables

from tuneguard.exceptions import RunDeletedError, RunNotFoundError, StoreUnreachableError
from tuneguard.storage.reader import load_run


class TestFailures:
    @pytest.mark.parametrize("unknown", ["0" * 32, "typo", "../..", "<b>"])
    def test_an_unknown_run(self, tracking_uri: str, unknown: str) -> None:
        with pytest.raises(RunNotFoundError, match=r"--tracking-uri") as caught:
            load_run(unknown)
        assert tracking_uri in str(caught.value)

    def test_a_deleted_run(self, client: MlflowClient, run_id: str) -> None:
        client.delete_run(run_id)
        with pytest.raises(RunDeletedError, match=f"mlflow runs restore --run-id {run_id}"):
            load_run(run_id)

    def test_a_missing_database_is_not_created(self, tmp_path: Path) -> None:
        path = tmp_path / "typo.db"
        with pytest.raises(StoreUnreachableError, match="There is no database"):
            load_run("0" * 32, f"sqlite:///{path}")
        assert not path.exists()

    @pytest.mark.parametrize(
        ("content", "message"),
        [(b"", "not a database of MLflow"), (b"no database at all" * 99, "cannot be read")],
    )
    def test_a_file_that_is_no_store_is_left_alone(
        self, tmp_path: Path, content: bytes, message: str
    ) -> None:
        path = tmp_path / "other.db"
        path.write_bytes(content)
        with pytest.raises(StoreUnreachableError, match=message):
            load_run("0" * 32, f"sqlite:///{path}")
        assert path.read_bytes() == content

    @pytest.mark.skipif(
        not hasattr(environment_variables, "MLFLOW_ALLOW_FILE_STORE"),
        reason="this MLflow refuses no folder of files",
    )
    def test_a_file_store_that_mlflow_refuses(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
        with pytest.raises(StoreUnreachableError, match="mlflow migrate-filestore"):
            load_run("0" * 32, str(tmp_path))

    def test_a_uri_that_is_a_typo(self) -> None:
        with pytest.raises(StoreUnreachableError, match="neither a server, a database"):
            load_run("0" * 32, "./no-such-folder")

    @pytest.mark.parametrize("scheme", ["http", "postgresql"])
    def test_nobody_answers(self, scheme: str) -> None:
        started = time.monotonic()
        with pytest.raises(StoreUnreachableError, match="Nothing answers") as caught:
            load_run("0" * 32, f"{scheme}://me:secret@127.0.0.1:1/x")
        assert time.monotonic() - started < 5
        assert "secret" not in str(caught.value)
