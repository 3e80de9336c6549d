"""From a run in MLflow to a history: the full record where there is one, else its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mlflow
from mlflow.entities import Run

from tuneguard.history import RunHistory, RunIdentity, Status
from tuneguard.storage.connection import (
    connect,
    find_run,
    translated_errors,
    without_progress_bars,
)
from tuneguard.storage.fingerprint import run_state
from tuneguard.storage.metric_histories import latest_points, read_histories
from tuneguard.storage.reading_notes import notes_of
from tuneguard.storage.record import Record, read_record
from tuneguard.storage.record_listing import RecordListing, list_record
from tuneguard.storage.run_series import keys_to_read, merged_series, named_as_charted
from tuneguard.storage.stepless_metrics import place_by_time
from tuneguard.storage.store_probe import without_password
from tuneguard.storage.written import Written

_STATUSES: Mapping[str, Status] = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
}


@dataclass(frozen=True, eq=False)
class FoundRun:
    """A run of which everything is known but its points.

    Attributes:
        client: Client of the store that holds it.
        run: Status, params, tags, and the latest point of each metric.
        record: What its full record holds; `None` where that could not be read.
        problems: Why it could not.
    """

    client: mlflow.MlflowClient
    run: Run
    record: RecordListing | None
    problems: tuple[str, ...] = ()

    def state(self, roles: Mapping[str, str] | None = None) -> str:
        """Return a hash of everything that a diagnosis depends on, given the user's roles."""
        return run_state(self.run, self.record, roles)


def load_run(
    run_id: str, tracking_uri: str | None = None, *, roles: Mapping[str, str] | None = None
) -> RunHistory:
    """Read what happened in a run of MLflow. Nothing is written.

    Args:
        run_id: The run; finished, failed, or still going on.
        tracking_uri: Where it is kept; MLflow's own choice where not given.
        roles: Role name to metric key, where the key's name does not tell.

    Raises:
        RunNotFoundError: The store has no such run.
        RunDeletedError: The run is in the trash.
        StoreUnreachableError: The store does not answer, or refuses.
        HistoryFormatError: `roles` names what is not there.
    """
    client = connect(tracking_uri)
    return read_history(look_up(client, find_run(client, run_id)), roles)


def look_up(client: mlflow.MlflowClient, run: Run) -> FoundRun:
    """Find out what `run` holds beside its points. Artifacts that cannot be read are noted."""
    try:
        with without_progress_bars():
            return FoundRun(client, run, list_record(client, run))
    except Exception as error:  # noqa: BLE001 - an artifact store may raise anything
        return FoundRun(client, run, None, (_unreadable(error),))


def read_history(found: FoundRun, roles: Mapping[str, str] | None = None) -> RunHistory:
    """Read the points of a run: its full record where there is one, else its metrics.

    Args:
        found: The run.
        roles: Role name to metric key, where the key's name does not tell.

    Raises:
        StoreUnreachableError: The store does not answer, or refuses.
        HistoryFormatError: `roles` names what is not there.
    """
    client, run = found.client, found.run
    record, problems = record_of(found)
    latest = latest_points(run)
    record = named_as_charted(record, latest)
    with translated_errors(client.tracking_uri, run.info.run_id):
        histories = read_histories(client, run.info.run_id, keys_to_read(latest, record))
    return put_together(found, record, histories, roles, problems)


def put_together(
    found: FoundRun,
    record: Record,
    histories: Mapping[str, Written],
    roles: Mapping[str, str] | None = None,
    problems: tuple[str, ...] = (),
) -> RunHistory:
    """Build the history of a run from what was read of it.

    Args:
        found: The run.
        record: Its full record, under the names of its charts, or an empty one.
        histories: Its metrics by key.
        roles: Role name to metric key, where the key's name does not tell.
        problems: Why the record could not be read.

    Raises:
        HistoryFormatError: `roles` names what is not there.
    """
    client, run = found.client, found.run
    placed, notes_on_steps = ({**histories}, []) if record.points else place_by_time(histories)
    series = merged_series(placed, record)
    # with a record that could not be read, the run is as it would be without
    state = run_state(run, None, roles) if problems else found.state(roles)
    return RunHistory.from_series(
        series,
        params={**record.params, **run.data.params},
        roles=roles,
        status=_STATUSES.get(run.info.status),
        planned_steps=record.planned_steps,
        higher_is_better=record.higher_is_better,
        layers=record.layers,
        source="record" if record.points else "metrics",
        notes=(*problems, *notes_of(run, record, series, histories), *notes_on_steps),
        identity=_identity(client, run, state),
    )


def _identity(client: mlflow.MlflowClient, run: Run, state: str) -> RunIdentity:
    return RunIdentity(
        run_id=run.info.run_id,
        name=run.info.run_name or "",
        experiment_id=run.info.experiment_id,
        tracking_uri=without_password(client.tracking_uri),
        state=state,
    )


def record_of(found: FoundRun) -> tuple[Record, tuple[str, ...]]:
    """Return the full record, empty where there is none, and why it could not be read."""
    if found.record is None:
        return Record(), found.problems
    try:
        with without_progress_bars():
            return read_record(found.record), ()
    except Exception as error:  # noqa: BLE001 - an artifact store may raise anything
        return Record(), (_unreadable(error),)


def _unreadable(error: Exception) -> str:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"The run's artifacts could not be read ({reason}): its metrics must do."
