"""The runs of an experiment, to learn from: listed once, read one by one where it is worth it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import mlflow
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from tuneguard import keys
from tuneguard.history import RunHistory
from tuneguard.storage.connection import connect, find_run, without_progress_bars
from tuneguard.storage.reader import look_up, read_history
from tuneguard.storage.run_list import experiment_id_of, list_runs

_DOCUMENT: Final = f"{keys.ARTIFACTS}/diagnosis.json"
_MAX_BYTES: Final = 8_000_000
_HEALTHY: Final = {"healthy", "info"}


class PastRuns:
    """The runs of an experiment that are not deleted, the newest first.

    Args:
        experiment: Its name, or its id.
        tracking_uri: Where it is kept; MLflow's own choice where not given.
        listed: Told after each page how many runs it had.

    Raises:
        ExperimentNotFoundError: There is no such experiment.
        StoreUnreachableError: The store does not answer, or refuses.
    """

    def __init__(
        self,
        experiment: str,
        tracking_uri: str | None = None,
        listed: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._client = connect(tracking_uri)
        self.runs: list[Run] = []
        for page in list_runs(self._client, experiment_id_of(self._client, experiment)):
            self.runs.extend(page)
            listed(len(page))
        self._by_id = {one.info.run_id: one for one in self.runs}

    def document(self, run_id: str) -> bytes | None:
        """Return the diagnosis that is kept in a run; `None` where none is, or it is too large."""
        with tempfile.TemporaryDirectory(prefix="tuneguard-") as folder, without_progress_bars():
            try:
                path = Path(self._client.download_artifacts(run_id, _DOCUMENT, folder))
            except Exception:  # noqa: BLE001 - an artifact store may raise anything
                return None
            return path.read_bytes() if path.stat().st_size <= _MAX_BYTES else None

    def history(self, run_id: str) -> RunHistory:
        """Read what happened in a run.

        Raises:
            TuneGuardError: It cannot be read.
        """
        return read_history(look_up(self._client, self._by_id[run_id]))


def parent_of(run: Run) -> str:
    """Return the id of a run's parent; empty where it has none."""
    return str(run.data.tags.get(MLFLOW_PARENT_RUN_ID, ""))


def last_healthy_runs(
    experiment: str, count: int, tracking_uri: str | None = None
) -> list[RunHistory]:
    """Read the last runs of an experiment that ended, and in which nothing was found but advice.

    Args:
        experiment: Its name, or its id.
        count: How many runs to read at most.
        tracking_uri: Where it is kept; MLflow's own choice where not given.

    Raises:
        ExperimentNotFoundError: There is no such experiment.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    client = connect(tracking_uri)
    found: list[Run] = []
    for page in list_runs(client, experiment_id_of(client, experiment)):
        found.extend(one for one in page if _is_healthy(one))
        if len(found) >= count:
            break
    return _histories(client, found[:count])


def runs_named(run_ids: list[str], tracking_uri: str | None = None) -> list[RunHistory]:
    """Read runs by their ids.

    Raises:
        RunNotFoundError: The store has no such run.
        RunDeletedError: A run is in the trash.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    client = connect(tracking_uri)
    return _histories(client, [find_run(client, one) for one in run_ids])


def _histories(client: mlflow.MlflowClient, runs: list[Run]) -> list[RunHistory]:
    return [read_history(look_up(client, one)) for one in runs]


def _is_healthy(run: Run) -> bool:
    return run.info.status == "FINISHED" and run.data.tags.get(keys.TAG_VERDICT) in _HEALTHY
