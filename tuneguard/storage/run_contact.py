"""What a delivery asks a store about its run and tells it, at the least cost.

Over HTTP the requests are plain ones: MLflow's client retries each for minutes, and spends more
on the encoding of a point than on everything else.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request, verify_rest_response

from tuneguard.exceptions import RunDeletedError, StoreUnreachableError
from tuneguard.spool.charts import ChartPoint
from tuneguard.storage.connection import ask_server, store_of, tell_server
from tuneguard.storage.reachability import is_reachable
from tuneguard.storage.sampled_points import sampled_points
from tuneguard.storage.scratch_file import scratch_file
from tuneguard.storage.store_probe import without_password

TIMEOUT_SECONDS = 10.0
UPLOAD_SECONDS = 60.0
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
        self._artifact_uri: str | None = None
        self._artifacts: Any = None

    def state(self) -> RunState:
        """Return the run as it is now.

        Raises:
            StoreUnreachableError: The store does not answer.
            RunDeletedError: The run is in the trash.
            MlflowException: The store refused.
        """
        if self.is_plain:
            run = self._ask("runs/get", {})["run"]
            stage = run["info"].get("lifecycle_stage")
            self._artifact_uri = run["info"].get("artifact_uri")
            data = run.get("data", {})
            latest = {one["key"]: float(one.get("value", 0.0)) for one in data.get("metrics", ())}
            params = {one["key"] for one in data.get("params", ())}
        else:
            self._check_reachable()
            found = self.client.get_run(self.run_id)
            stage, latest = found.info.lifecycle_stage, found.data.metrics
            self._artifact_uri = found.info.artifact_uri
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
        if self.is_plain:
            metrics = [point._asdict() for point in points]
            self._tell("runs/log-batch", {"metrics": metrics})
        else:
            rows = [Metric(p.key, p.value, p.timestamp, p.step) for p in points]
            self.client.log_batch(self.run_id, metrics=rows, synchronous=True)

    def log_facts(self, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Write params and tags, all or none.

        Raises:
            StoreUnreachableError: The store does not answer.
            MlflowException: The store refused.
        """
        if self.is_plain:
            facts = {"params": _as_rows(params), "tags": _as_rows(tags)}
            self._tell("runs/log-batch", facts)
        else:
            self.client.log_batch(
                self.run_id,
                params=[Param(*param) for param in params.items()],
                tags=[RunTag(*tag) for tag in tags.items()],
                synchronous=True,
            )

    def remove_tag(self, key: str) -> None:
        """Remove a tag, if it is there.

        Raises:
            StoreUnreachableError: The store does not answer.
            MlflowException: The store refused.
        """
        try:
            if self.is_plain:
                self._tell("runs/delete-tag", {"key": key})
            else:
                self.client.delete_tag(self.run_id, key)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise

    def names(self, folder: str) -> set[str]:
        """Return what is in a folder of the run's artifacts.

        Raises:
            StoreUnreachableError: The store does not answer.
            Exception: Whatever the artifact store raises.
        """
        if self._is_proxied():
            found = self._ask("artifacts/list", {"path": folder}).get("files", ())
            return {PurePosixPath(one["path"]).name for one in found}
        return {PurePosixPath(one.path).name for one in self._artifacts.list_artifacts(folder)}

    def points_within(self, key: str, first: int, last: int) -> Sequence[Metric]:
        """Return points of a metric between two steps, evenly chosen if they are many.

        Raises:
            MlflowException: The store did not answer, or refused.
        """
        limits = {"max_retries": 0, "timeout": TIMEOUT_SECONDS} if self.is_plain else {}
        window = (first, last)
        return sampled_points(self.client, self.run_id, key, window, **limits) or ()

    @property
    def is_plain(self) -> bool:
        """Whether the store speaks MLflow's own REST, not a dialect of its own."""
        return type(store_of(self.client)) is RestStore

    def upload(self, content: Path | bytes, path: str, folder: Path | None = None) -> None:
        """Put a file beside the run.

        Args:
            content: What is in it, or the file that holds it.
            path: Where it is put, from the run's artifacts on.
            folder: Where it may be written to, if it has to be on a disk to be uploaded.

        Raises:
            StoreUnreachableError: The store does not answer.
            OSError: No disk takes a file to be uploaded from.
            Exception: Whatever the artifact store raises.
        """
        place = PurePosixPath(path)
        if self._is_proxied():
            self._put(content, path)
        elif isinstance(content, Path):
            self._artifacts.log_artifact(str(content), str(place.parent))
        else:
            with scratch_file(place.name, content, folder) as written:
                self._artifacts.log_artifact(str(written), str(place.parent))

    def _is_proxied(self) -> bool:
        """Whether the tracking server itself takes the artifacts."""
        if self._artifacts is None:
            uri = self._artifact_uri or self.client.get_run(self.run_id).info.artifact_uri
            self._artifacts = get_artifact_repository(uri, tracking_uri=self._uri)
        return self.is_plain and type(self._artifacts) is MlflowArtifactsRepository

    def _put(self, content: Path | bytes, path: str) -> None:
        creds = get_default_host_creds(self._artifacts.artifact_uri)  # type: ignore[no-untyped-call]
        options = {"max_retries": 0, "timeout": UPLOAD_SECONDS, "raise_on_status": False}
        with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
            try:
                answer = http_request(creds, f"/{path}", "PUT", data=file, **options)  # type: ignore[no-untyped-call]
            except MlflowException as error:
                raise self._unreachable() from error
        self._check_answer(answer)
        answer.raise_for_status()

    def _check_reachable(self) -> None:
        if not is_reachable(self._uri):
            raise self._unreachable()

    def _unreachable(self) -> StoreUnreachableError:
        return StoreUnreachableError(f"Nothing answers at {without_password(self._uri)}.")

    def _ask(self, endpoint: str, query: Mapping[str, str]) -> Any:
        return self._request(ask_server, endpoint, query)

    def _tell(self, endpoint: str, content: Mapping[str, Any]) -> None:
        self._request(tell_server, endpoint, content)

    def _request(self, request: Any, endpoint: str, content: Mapping[str, Any]) -> Any:
        store, named = store_of(self.client), {"run_id": self.run_id, **content}
        try:
            answer = request(store, endpoint, named, max_retries=0, timeout=TIMEOUT_SECONDS)
        except MlflowException as error:
            raise self._unreachable() from error
        self._check_answer(answer)
        return verify_rest_response(answer, endpoint).json()

    def _check_answer(self, answer: Any) -> None:
        if answer.status_code in _TRANSIENT:
            shown = without_password(self._uri)
            raise StoreUnreachableError(f"{shown} answers {answer.status_code}.")


def _as_rows(named: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in named.items()]
