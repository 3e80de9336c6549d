"""Evenly chosen points of a metric, where reading all of them would take minutes."""

from __future__ import annotations

from collections.abc import Mapping

import mlflow
from mlflow.entities import Metric
from mlflow.store.tracking.rest_store import RestStore

from tuneguard.storage.connection import ask_server, store_of

SAMPLE_SIZE = 2_500


def sampled_points(
    client: mlflow.MlflowClient,
    run_id: str,
    key: str,
    window: tuple[int, int] | None = None,
    **limits: float,
) -> list[Metric] | None:
    """Return evenly chosen points, or `None` where the store cannot choose.

    Args:
        client: Client of the store.
        run_id: The run.
        key: The metric.
        window: First and last step that may be chosen.
        **limits: `max_retries` and `timeout` over HTTP, where MLflow's own are too patient.
    """
    store = store_of(client)
    start, end = window or (None, None)
    if isinstance(store, RestStore):
        return _sample_over_http(store, run_id, key, (start, end), limits)
    sampled: list[Metric] = store.get_metric_history_bulk_interval(
        run_ids=[run_id], metric_key=key, max_results=SAMPLE_SIZE, start_step=start, end_step=end
    )
    return sampled


def _sample_over_http(
    store: RestStore,
    run_id: str,
    key: str,
    between: tuple[int | None, int | None],
    limits: Mapping[str, float],
) -> list[Metric] | None:
    """Let the server choose: MLflow's REST store would download every point to do so."""
    start, end = between
    window = {} if start is None or end is None else {"start_step": start, "end_step": end}
    answer = ask_server(
        store,
        "metrics/get-history-bulk-interval",
        {"run_ids": run_id, "metric_key": key, "max_results": SAMPLE_SIZE, **window},
        **limits,
    )
    if answer.status_code != 200:
        return None
    return [
        Metric(key, float(point.get("value", 0.0)), point["timestamp"], point.get("step", 0))
        for point in answer.json().get("metrics", [])
    ]
