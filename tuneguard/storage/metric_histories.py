"""Metric histories out of a tracking store, in the order in which they were written."""

from __future__ import annotations

from collections.abc import Mapping

import mlflow
from mlflow.entities import Metric, Run
from mlflow.store.tracking.rest_store import RestStore

from tuneguard.history.roles import assign_roles
from tuneguard.storage.connection import store_of
from tuneguard.storage.database_points import read_from_database
from tuneguard.storage.long_history import Allowance, read_long_history
from tuneguard.storage.sampled_points import SAMPLE_SIZE
from tuneguard.storage.written import Written

PAGE = 25_000
MANY_POINTS = 150_000
WINDOWS = 96


def latest_points(run: Run) -> dict[str, tuple[int, int]]:
    """Return step and timestamp of the latest point of each metric of `run`."""
    return {point.key: (point.step, point.timestamp) for point in run.data.to_proto().metrics}


def read_histories(
    client: mlflow.MlflowClient, run_id: str, last_steps: Mapping[str, int]
) -> dict[str, Written]:
    """Read metrics whole where that takes seconds, and their odd places where it takes minutes.

    A database is asked directly. A server is asked for whole histories where they are short, and
    for the others as `read_long_history` does: first for those that rules need.

    Args:
        client: Client of the store.
        run_id: The run.
        last_steps: The metrics to read, each with the step of its latest point.

    Returns:
        The points by key.
    """
    store = store_of(client)
    is_remote = isinstance(store, RestStore)
    if last_steps and not is_remote:
        found = read_from_database(store, run_id, last_steps)
        if found is not None:
            return found
    allowance = Allowance(WINDOWS)
    expected = sum(step + 1 for step in last_steps.values())
    longest = PAGE if expected <= MANY_POINTS else SAMPLE_SIZE
    return {
        key: _read(client, run_id, key, allowance, is_long=last_steps[key] >= longest)
        for key in _most_needed_first(last_steps)
    }


def _most_needed_first(last_steps: Mapping[str, int]) -> list[str]:
    assignment = assign_roles({key: step + 1 for key, step in last_steps.items()})
    needed = [*assignment.roles.values(), *(metric.key for metric in assignment.metrics)]
    return list(dict.fromkeys([*needed, *sorted(last_steps, key=lambda key: last_steps[key])]))


def _read(
    client: mlflow.MlflowClient, run_id: str, key: str, allowance: Allowance, *, is_long: bool
) -> Written:
    if not is_long:
        page = _first_page(client, run_id, key)
        if page is not None:
            return Written.from_metrics(page)
    found = read_long_history(client, run_id, key, allowance)
    return found or Written.from_metrics(client.get_metric_history(run_id, key))


def _first_page(client: mlflow.MlflowClient, run_id: str, key: str) -> list[Metric] | None:
    """Return all points of a metric, or `None` where they do not fit into one answer.

    A loop that never says its step logs a million points at step 0.
    """
    store = store_of(client)
    if not isinstance(store, RestStore):
        return list(client.get_metric_history(run_id, key))
    page = store.get_metric_history(run_id, key, max_results=PAGE)  # type: ignore[no-untyped-call]
    return None if page.token else list(page)
