"""Metric histories out of a tracking store, in the order in which they were written."""

from __future__ import annotations

from collections.abc import Mapping

import mlflow
from mlflow.entities import Metric, Run
from mlflow.store.tracking.rest_store import RestStore

from tuneguard.storage.connection import ask_server, store_of
from tuneguard.storage.written import Written

SHORT_RUN = 25_000
SAMPLE_SIZE = 2_500
MAX_EXACT_POINTS = 50_000


def latest_points(run: Run) -> dict[str, tuple[int, int]]:
    """Return step and timestamp of the latest point of each metric of `run`."""
    return {point.key: (point.step, point.timestamp) for point in run.data.to_proto().metrics}


def read_histories(
    client: mlflow.MlflowClient, run_id: str, last_steps: Mapping[str, int]
) -> dict[str, Written]:
    """Read metrics whole where that takes seconds, and evenly sampled where it takes minutes.

    Args:
        client: Client of the store.
        run_id: The run.
        last_steps: The metrics to read, each with the step of its latest point.

    Returns:
        The points by key.
    """
    return {key: _read(client, run_id, key, step) for key, step in last_steps.items()}


def _read(client: mlflow.MlflowClient, run_id: str, key: str, last_step: int) -> Written:
    sample = sampled_points(client, run_id, key) if last_step >= SHORT_RUN else None
    if sample is None:
        return Written.from_metrics(client.get_metric_history(run_id, key))
    if len(sample) < SAMPLE_SIZE:
        return Written.from_metrics(sample)
    if _estimated_size(client, run_id, key, sample) > MAX_EXACT_POINTS:
        return Written.from_metrics(sample, is_sampled=True)
    return Written.from_metrics(client.get_metric_history(run_id, key))


def _estimated_size(
    client: mlflow.MlflowClient, run_id: str, key: str, sample: list[Metric]
) -> int:
    """Count the points between two neighbours in the middle of the sample."""
    middle = len(sample) // 2
    start, end = sorted((sample[middle - 1].step, sample[middle].step))
    between = sampled_points(client, run_id, key, (start, end)) or []
    return max(len(between) - 1, 1) * len(sample)


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
