"""What a delivery asks a store about its run and tells it, at the least cost.

Over HTTP the requests are plain ones: MLflow's client retries each for minutes, and spends more
on the encoding of a point than on everything else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Metric
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.rest_utils import verify_rest_response

from tuneguard.exceptions import RunDeletedError, StoreUnreachableError
from tuneguard.spool.charts import ChartPoint
from tuneguard.storage.connection import ask_server, store_of, tell_server
from tuneguard.storage.reachability import is_reachable
from tuneguard.storage.store_probe import without_password

TIMEOUT_SECONDS = 10.0
_TRANSIENT = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class RunState:
    """What a delivery needs to know of its run.

    Attributes:
        latest: The latest value of each metric.
        params: The names of its params.
    """

    latest: Mapping[str, float]
    params: Collection[str]


class RunContact:
    """Talks with one store about one run.

    Args:
        tracking_uri: The store.
        run_id: The run.

    Raises:
        StoreUnreachableError: The store does not answer.
    """

    def __init__(self, tracking_uri: str, run_id: str) -> None:
        self.run_id = run_id
        self._uri = tracking_uri
        self._check_reachable()
        self.client = MlflowClient(tracking_uri)

    def state(self) -> RunState:
        """Return the run as it is now.

        Raises:
            StoreUnreachableError: The store does not answer.
            RunDeletedError: The run is in the trash.
            MlflowException: The store refused.
        """
        store = store_of(self.client)
        if _is_plain(store):
            run = self._request(ask_server, "runs/get", {"run_id": self.run_id})["run"]
            stage = run["info"].get("lifecycle_stage")
            data = run.get("data", {})
            latest = {one["key"]: float(one.get("value", 0.0)) for one in data.get("metrics", ())}
            params = {one["key"] for one in data.get("params", ())}
        else:
            self._check_reachable()
            found = self.client.get_run(self.run_id)
            stage, latest = found.info.lifecycle_stage, found.data.metrics
            params = set(found.data.params)
        if stage == LifecycleStage.DELETED:
            raise RunDeletedError(
                f"Run {self.run_id} is deleted. Restore it, then: tuneguard sync"
            )
        return RunState(latest, params)

    def log_points(self, points: Sequence[ChartPoint]) -> None:
        """Write points, all or none.

        Raises:
            StoreUnreachableError: The store does not answer.
            MlflowException: The store refused.
        """
        if _is_plain(store_of(self.client)):
            metrics = [point._asdict() for point in points]
            self._request(
                tell_server, "runs/log-batch", {"run_id": self.run_id, "metrics": metrics}
            )
        else:
            rows = [Metric(p.key, p.value, p.timestamp, p.step) for p in points]
            self.client.log_batch(self.run_id, metrics=rows, synchronous=True)

    def _check_reachable(self) -> None:
        if not is_reachable(self._uri):
            raise StoreUnreachableError(f"Nothing answers at {without_password(self._uri)}.")

    def _request(self, request: Any, endpoint: str, content: Mapping[str, Any]) -> Any:
        store, shown = store_of(self.client), without_password(self._uri)
        try:
            answer = request(store, endpoint, content, max_retries=0, timeout=TIMEOUT_SECONDS)
        except MlflowException as error:
            raise StoreUnreachableError(f"Nothing answers at {shown}.") from error
        if answer.status_code in _TRANSIENT:
            raise StoreUnreachableError(f"{shown} answers {answer.status_code}.")
        return verify_rest_response(answer, endpoint).json()


def _is_plain(store: Any) -> bool:
    """Whether a store speaks MLflow's own REST, not a dialect of its own."""
    return type(store) is RestStore
