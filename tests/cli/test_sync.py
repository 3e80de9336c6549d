"""`tuneguard sync`: a line for each spool, and an exit code."""

from pathlib import Path

import pytest

from tuneguard.storage import sync as delivery
from tuneguard.storage.sync import SyncResult


@pytest.fixture
def synced(monkeypatch, invoke, tmp_path):
    """Return a function that runs `sync` over spools with known outcomes."""

    def run(*results):
        def deliver(*_, on_result):
            for one in results:
                on_result(one)
            return list(results)

        monkeypatch.setattr(delivery, "sync", deliver)
        return invoke("sync", "--spool", tmp_path)

    return run


def test_nothing_to_send_is_0(invoke, tmp_path):
    result = invoke("sync", "--spool", tmp_path)

    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing to send" in result.stderr


def test_each_spool_has_a_line(synced):
    result = synced(
        SyncResult(Path("a"), "delivered", "sqlite:///mlflow.db", "run-a"),
        SyncResult(Path("b"), "in use", reason="a process on this machine records into it"),
    )

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "delivered  a  run run-a in sqlite:///mlflow.db",
        "in use  b  no run yet: a process on this machine records into it",
    ]


def test_a_spool_that_failed_is_2_and_says_what_to_do(synced):
    result = synced(SyncResult(Path("a"), "failed", "http://away", "run-a", "Nothing answers."))

    assert result.exit_code == 2
    assert "Nothing answers." in result.stdout
    assert "run `tuneguard sync` again" in result.stderr
