"""Whether a store can be written to, found out without leaving anything behind."""

import sqlite3
from contextlib import closing

import pytest

from tuneguard.exceptions import StoreUnreachableError
from tuneguard.storage import health


def test_the_password_of_a_uri_is_not_said():
    shown = health.tracking_uri_in_use("postgresql://ann:secret@db/mlflow")

    assert shown == "postgresql://ann:***@db/mlflow"


def test_a_store_that_answers_says_how_many_experiments_it_has(tracking_uri, run_id):
    assert health.check_reading(tracking_uri) == "answers, with 2 experiments"


def test_a_database_is_asked_for_its_lock(tracking_uri):
    assert health.check_writing(tracking_uri).is_certain


def test_a_locked_database_cannot_be_written_to(tracking_uri, monkeypatch):
    monkeypatch.setattr(health, "_LOCK_SECONDS", 0.05)
    with closing(sqlite3.connect(health.sqlite_file(tracking_uri))) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnreachableError, match="locked"):
            health.check_writing(tracking_uri)


def test_a_store_of_another_kind_is_asked_with_an_empty_batch(tracking_uri, run_id, monkeypatch):
    monkeypatch.setattr(health, "sqlite_file", lambda uri: None)

    access = health.check_writing(tracking_uri)

    assert not access.is_certain
    assert run_id in access.how


def test_a_store_without_runs_is_asked_about_a_run_that_is_not_there(tracking_uri, monkeypatch):
    monkeypatch.setattr(health, "sqlite_file", lambda uri: None)

    access = health.check_writing(tracking_uri)

    assert not access.is_certain
    assert "does not exist" in access.how


def test_a_database_in_memory_is_no_file():
    assert health.sqlite_file("sqlite:///:memory:") is None
