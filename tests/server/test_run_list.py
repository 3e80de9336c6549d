"""Runs are listed worst first, a page at a time, by their tags."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.server.run_list import Filters, Place, list_runs
from tuneguard.server.verdict_counts import count_verdicts

TAGGED = {
    "fine": ("healthy", ""),
    "worst": ("critical", "divergence"),
    "bad": ("warning", "overfitting"),
    "worse": ("critical", "divergence"),
    "edited": ("my own word", ""),
    "unknown": ("inconclusive", ""),
    "100% 'mine'": ("warning", "overfitting"),
    "new": ("", ""),
}


@pytest.fixture(scope="module")
def store(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    path = tmp_path_factory.mktemp("tagged") / "mlflow.db"
    path.write_bytes(empty_store.read_bytes())
    return MlflowClient(f"sqlite:///{path}")


@pytest.fixture(scope="module")
def tagged(store: MlflowClient) -> str:
    experiment = str(store.create_experiment("training"))
    for start, (name, (verdict, rule)) in enumerate(TAGGED.items()):
        tags = {keys.TAG_VERDICT: verdict} if verdict else {}
        if rule:
            tags |= {keys.TAG_FINDINGS: rule, f"tuneguard.{rule}": "warning @ step 3"}
        store.create_run(experiment, start_time=start, tags=tags, run_name=name)
    deleted = store.create_run(experiment, tags={keys.TAG_VERDICT: "healthy"}).info.run_id
    store.delete_run(deleted)
    return experiment


def names(store: MlflowClient, experiment: str, filters: Filters, size: int = 50) -> list[str]:
    """Return the names on all pages."""
    found: list[str] = []
    place: Place | None = Place()
    while place is not None:
        runs, following = list_runs(store, experiment, filters, place, size)
        assert len(runs) <= size
        found += [run.name for run in runs]
        place = Place.read(str(following)) if following else None
    return found


WORST_FIRST = ["worse", "worst", "100% 'mine'", "bad", "unknown", "fine", "edited", "new"]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_every_run_is_listed_once_worst_first(store: MlflowClient, tagged: str, size: int) -> None:
    assert names(store, tagged, Filters(), size) == WORST_FIRST


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(verdict="warning"), ["100% 'mine'", "bad"]),
        (Filters(verdict="none"), ["new"]),
        (Filters(verdict="other"), ["edited"]),
        (Filters(rule="divergence"), ["worse", "worst"]),
        (Filters(rule="dead-units"), []),
        (Filters(text="WORS"), ["worse", "worst"]),
        (Filters(text="100% 'mine'"), ["100% 'mine'"]),
        (Filters(verdict="critical", rule="divergence", text="wor"), ["worse", "worst"]),
        (Filters(text="' or tags.a = 'b"), []),
        (Filters(text='\\%\0`;\n"--'), []),
    ],
    ids=str,
)
def test_filters(store: MlflowClient, tagged: str, filters: Filters, expected: list[str]) -> None:
    assert filters.is_usable
    place = Place(filters.verdict) if filters.verdict else Place()
    runs, _ = list_runs(store, tagged, filters, place)

    assert [run.name for run in runs] == expected


def test_a_run_is_found_by_its_id(store: MlflowClient, tagged: str) -> None:
    run = store.search_runs([tagged], max_results=1)[0]

    assert names(store, tagged, Filters(text=run.info.run_id)) == [run.info.run_name]


@pytest.mark.parametrize(
    "filters", [Filters(verdict="' or 1"), Filters(rule="a` b"), Filters(rule="A")], ids=str
)
def test_a_filter_of_another_kind_is_not_usable(filters: Filters) -> None:
    assert not filters.is_usable


@pytest.mark.parametrize("text", ["", "critical", "worst.", "critical.<b>", "none." + "a" * 301])
def test_only_a_place_is_read_as_one(text: str) -> None:
    assert (Place.read(text) is None) == (text != "critical")


def test_verdicts_are_counted(store: MlflowClient, tagged: str) -> None:
    counted = {"critical": 2, "warning": 2, "inconclusive": 1, "healthy": 1, "other": 1, "none": 1}

    assert count_verdicts(store, [tagged, "0"]) == {tagged: counted}


def test_where_nothing_can_be_counted_nothing_is(store: MlflowClient) -> None:
    assert count_verdicts(store, ["not a number"]) == {}
