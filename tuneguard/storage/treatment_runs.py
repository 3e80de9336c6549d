"""The runs of a treatment: a parent, and a child for each training."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from tuneguard import keys
from tuneguard.exceptions import TuneGuardError
from tuneguard.storage.connection import connect, translated_errors, uri_in_use
from tuneguard.storage.review import Review, write_review
from tuneguard.storage.run_choice import experiment_named
from tuneguard.storage.run_page import run_page

_MOST_CHILDREN = 1000
_MAX_PARAM = 6000


class TreatmentRuns:
    """A parent run and its children, found again where an earlier process left them.

    Args:
        client: Client of the store.
        parent: The parent run.
    """

    def __init__(self, client: mlflow.MlflowClient, parent: Run) -> None:
        self._client = client
        self._parent = parent
        self._children = self._found()

    @classmethod
    def open(
        cls,
        identity: str,
        name: str,
        *,
        experiment: str | None,
        tracking_uri: str | None,
        fresh: bool = False,
    ) -> TreatmentRuns:
        """Find the parent of an unfinished treatment of this identity, or begin one.

        Args:
            identity: What is trained, with which parameters and seeds, as a hash.
            name: Name of a new parent.
            experiment: Name of the experiment; MLflow's own choice where not given.
            tracking_uri: The store; MLflow's own choice where not given.
            fresh: Whether to begin anew whatever is there.

        Raises:
            StoreUnreachableError: The store does not answer, or refuses.
            TuneGuardError: Another process of this machine is at it.
        """
        client = _client(tracking_uri)
        with translated_errors(client.tracking_uri):
            place = _experiment_id(client, experiment)
            found = None if fresh else _unfinished(client, place, identity)
            if found is None:
                tags = {keys.TAG_TREATMENT: identity, keys.TAG_PROCESS: _process()}
                found = client.create_run(place, run_name=name, tags=tags)
            else:
                _refuse_while_alive(found)
                client.update_run(found.info.run_id, status="RUNNING")
                client.set_tag(found.info.run_id, keys.TAG_PROCESS, _process())
            return cls(client, found)

    @property
    def parent_id(self) -> str:
        """Id of the parent run."""
        return str(self._parent.info.run_id)

    @property
    def page(self) -> str:
        """Where a person looks at the parent run."""
        info = self._parent.info
        return run_page(self._client.tracking_uri, info.experiment_id, info.run_id)

    def finished(self, trial: str) -> Run | None:
        """Return the run of a training that an earlier process brought to its end."""
        return self._children.get(trial)

    @contextmanager
    def child(self, trial: str, name: str, params: Mapping[str, object]) -> Iterator[str]:
        """Open MLflow's active run for one training, and end it with what became of that.

        Args:
            trial: What is trained, as a hash: by it the run is found again.
            name: Name of the run.
            params: What the training function takes.

        Raises:
            TuneGuardError: A run is open already.
        """
        if mlflow.active_run() is not None:
            raise TuneGuardError(
                "A run is open already, so that trainings cannot have runs of their own: "
                "call treat() outside of mlflow.start_run()."
            )
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(self._client.tracking_uri)
        try:
            with mlflow.start_run(
                experiment_id=self._parent.info.experiment_id,
                run_name=name,
                parent_run_id=self.parent_id,
                tags={keys.TAG_TRIAL: trial},
            ) as run:
                self._client.set_tag(run.info.run_id, MLFLOW_PARENT_RUN_ID, self.parent_id)
                self._log_params(run.info.run_id, params)
                yield run.info.run_id
        finally:
            mlflow.set_tracking_uri(before)

    def note(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Write tags into the run of a training."""
        with translated_errors(self._client.tracking_uri, run_id):
            for key, value in tags.items():
                self._client.set_tag(run_id, key, value)

    def publish(self, review: Review) -> None:
        """Write what the treatment has come to into its parent."""
        with translated_errors(self._client.tracking_uri, self.parent_id):
            present = self._client.get_run(self.parent_id)
        write_review(self._client, present, review)

    def end(self, status: str) -> None:
        """End the parent, and free it for another process."""
        with translated_errors(self._client.tracking_uri, self.parent_id):
            self._client.set_terminated(self.parent_id, status)
            self._client.delete_tag(self.parent_id, keys.TAG_PROCESS)

    def _log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        for key, value in params.items():
            self._client.log_param(run_id, keys.safe(str(key)), str(value)[:_MAX_PARAM])

    def _found(self) -> dict[str, Run]:
        """Return the finished children by what they trained; those cut short are marked so."""
        children = self._client.search_runs(
            [self._parent.info.experiment_id],
            f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{self.parent_id}'",
            max_results=_MOST_CHILDREN,
        )
        for one in children:
            if one.info.status == "RUNNING":
                self._client.set_terminated(one.info.run_id, "KILLED")
        return {
            one.data.tags[keys.TAG_TRIAL]: one
            for one in children
            if one.info.status == "FINISHED" and keys.TAG_TRIAL in one.data.tags
        }


def _client(tracking_uri: str | None) -> mlflow.MlflowClient:
    """Connect to the store; a local database that is not there yet is made, as MLflow does."""
    uri = uri_in_use(tracking_uri)
    if uri.startswith("sqlite:"):
        with translated_errors(uri):
            mlflow.MlflowClient(uri).search_experiments(max_results=1)
    return connect(uri)


def _experiment_id(client: mlflow.MlflowClient, experiment: str | None) -> str:
    if experiment is not None:
        return experiment_named(client, experiment)
    named = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if named:
        return experiment_named(client, named)
    from mlflow.tracking.fluent import _get_experiment_id  # noqa: PLC0415 - no public name for it

    return str(_get_experiment_id())


def _unfinished(client: mlflow.MlflowClient, experiment_id: str, identity: str) -> Run | None:
    found = client.search_runs(
        [experiment_id],
        f"tags.`{keys.TAG_TREATMENT}` = '{identity}' and attributes.status != 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return next(iter(found), None)


def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _refuse_while_alive(parent: Run) -> None:
    host, _, number = parent.data.tags.get(keys.TAG_PROCESS, "").rpartition(":")
    if host != socket.gethostname() or not number.isdigit() or int(number) == os.getpid():
        return
    if Path(f"/proc/{number}").exists():
        raise TuneGuardError(
            f"Process {number} is at this treatment already (run {parent.info.run_id}): wait for "
            "its end, or begin another one with fresh=True (--fresh)."
        )
