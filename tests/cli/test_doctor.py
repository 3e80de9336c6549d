"""`tuneguard doctor`: a line for each thing that was looked at, and nothing left behind."""

import hashlib
import os
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace

import pytest

from tuneguard import keys
from tuneguard.cli import checks


def lines_of(result):
    return dict(line.removeprefix(line[:6]).split(": ", 1) for line in result.stdout.splitlines())


def statuses_of(result):
    return {line[6:].split(": ", 1)[0]: line[:6].strip() for line in result.stdout.splitlines()}


def test_a_store_that_answers_and_takes_writes_is_ok(invoke, tracking_uri):
    result = invoke("doctor", "--tracking-uri", tracking_uri)

    assert result.exit_code == 0
    assert set(statuses_of(result).values()) == {"ok"}
    assert tracking_uri in lines_of(result)["tracking store"]
    assert "rolled back" in lines_of(result)["writing to the store"]


def test_nothing_is_changed(invoke, tracking_uri, tmp_path):
    database = tmp_path / "mlflow.db"
    before = hashlib.sha256(database.read_bytes()).digest()

    invoke("doctor", "--tracking-uri", tracking_uri)

    assert hashlib.sha256(database.read_bytes()).digest() == before
    assert list(tmp_path.iterdir()) == [database]


def test_a_database_that_is_not_there_yet_is_a_warning_and_not_created(invoke, tmp_path):
    result = invoke("doctor", "--tracking-uri", "sqlite:///new.db")

    assert result.exit_code == 0
    assert statuses_of(result)["tracking store"] == "warn"
    assert not (tmp_path / "new.db").exists()


def test_a_database_in_a_folder_that_is_not_there_fails(invoke):
    result = invoke("doctor", "--tracking-uri", "sqlite:///missing/new.db")

    assert result.exit_code == 2
    assert "create" in lines_of(result)["tracking store"]


def test_a_server_that_is_away_fails_and_the_rest_is_still_looked_at(invoke):
    result = invoke("doctor", "--tracking-uri", "http://ann:secret@127.0.0.1:9")

    assert result.exit_code == 2
    assert statuses_of(result)["tracking store"] == "fail"
    assert statuses_of(result)["device"] == "ok"
    assert "secret" not in result.output


def test_what_waits_in_the_spool_is_counted(invoke, tracking_uri, tmp_path):
    waiting = tmp_path / "elsewhere" / "recorder"
    waiting.mkdir(parents=True)
    (waiting / "run.json").write_text("{}")

    result = invoke("doctor", "--tracking-uri", tracking_uri, "--spool", waiting.parent)

    assert lines_of(result)["undelivered runs"].startswith("1, unless")
    assert "tuneguard sync" in lines_of(result)["undelivered runs"]


def test_what_a_recorder_would_record_is_listed(invoke, tracking_uri):
    listed = lines_of(invoke("doctor", "--tracking-uri", tracking_uri))

    assert listed["metrics that a recorder writes"].split(", ") == list(keys.METRIC_KEYS)


@pytest.mark.parametrize("package", ["mlflow", "torch"])
def test_a_package_that_is_missing_fails(invoke, monkeypatch, tracking_uri, package):
    def found(name):
        if name == package:
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(checks, "version", found)
    result = invoke("doctor", "--tracking-uri", tracking_uri)

    assert result.exit_code == 2
    assert lines_of(result)[package] == f"not installed: pip install {package}"


def test_a_folder_that_cannot_be_written_fails(invoke, monkeypatch, tracking_uri):
    refusing = SimpleNamespace(access=lambda path, mode: False, W_OK=os.W_OK, X_OK=os.X_OK)
    monkeypatch.setattr(checks, "os", refusing)

    result = invoke("doctor", "--tracking-uri", tracking_uri)

    assert result.exit_code == 2
    assert statuses_of(result)["spool"] == "fail"
