"""A history from a file as a run of MLflow, once for each content of the file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

import mlflow
import numpy as np
from mlflow.entities import LifecycleStage, Metric, Param, Run

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.history import RunHistory, RunIdentity, Series
from tuneguard.storage.connection import connect, find_run, translated_errors, uri_in_use
from tuneguard.storage.reader import look_up
from tuneguard.storage.run_list import experiment_id_of
from tuneguard.storage.store_probe import is_new_database, without_password

MAX_POINTS: Final = 10_000
"""Points of a series that go into the metrics table; the file itself has them all."""

MAX_ARTIFACT_BYTES: Final = 100 << 20
"""A longer file is not copied into the run: its path is a tag."""

_PARTIAL: Final = "-partial"
_BATCH: Final = 1000
_CHUNK: Final = 1 << 20
_PARAM_BATCH: Final = 100
_MAX_PARAM: Final = 6000
_STATUSES: Final = {"failed": "FAILED", "killed": "KILLED"}


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """A history, and what it was read from.

    Attributes:
        history: What was read.
        path: The file or folder that the user named.
        files: Everything that was read; it is kept with the run.
        roles: The roles that the user chose.
    """

    history: RunHistory
    path: Path
    files: Sequence[Path]
    roles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """Where an imported history is.

    Attributes:
        history: The history, which now knows its run.
        run_id: The run.
        was_there: Whether the same content had been imported before, and nothing was written.
        left_out: Names of files that are too long to be kept with the run.
    """

    history: RunHistory
    run_id: str
    was_there: bool
    left_out: tuple[str, ...] = ()


def import_history(
    read: ReadHistory,
    experiment: str,
    *,
    tracking_uri: str | None = None,
    on_points: Callable[[int, int], None] = lambda _written, _total: None,
) -> ImportedRun:
    """Write a history into a run of its own, or find the run that it was written into before.

    The run is marked `KILLED` where this is interrupted; the next import of the same content
    completes it.

    Args:
        read: What was read, and from where.
        experiment: Name of the experiment, created where there is none, or an id.
        tracking_uri: The store; MLflow's own choice where not given.
        on_points: Called with how many points are written, and of how many.

    Raises:
        ExperimentNotFoundError: The experiment is in the trash.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    client = _connected(uri_in_use(tracking_uri))
    digest = _digest(read.files)
    left_out: tuple[str, ...] = ()
    with translated_errors(client.tracking_uri):
        experiment_id = _experiment(client, experiment)
        run = _imported_before(client, experiment_id, digest)
        was_there = run is not None and run.data.tags[keys.TAG_IMPORTED] == digest
        if run is None:
            run = _new_run(client, experiment_id, read, digest)
        if not was_there:
            left_out = _write(client, run, read, on_points)
            client.set_tag(run.info.run_id, keys.TAG_IMPORTED, digest)
    run = find_run(client, run.info.run_id)
    return ImportedRun(_of_run(read, client, run), run.info.run_id, was_there, left_out)


def _connected(uri: str) -> mlflow.MlflowClient:
    """Return a client of a store; a database that is not there yet is created."""
    if is_new_database(uri):
        with translated_errors(uri):
            mlflow.MlflowClient(uri).search_experiments(max_results=1)
    return connect(uri)


def _digest(files: Sequence[Path]) -> str:
    """Return a hash of the content of all files; their names and places do not count."""
    whole = hashlib.sha256()
    for file in files:
        one = hashlib.sha256()
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                one.update(chunk)
        whole.update(one.digest())
    return whole.hexdigest()[:32]


def _experiment(client: mlflow.MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None and not name.isdigit():
        return str(client.create_experiment(name))
    return experiment_id_of(client, name)


def _imported_before(client: mlflow.MlflowClient, experiment_id: str, digest: str) -> Run | None:
    query = f"tags.`{keys.TAG_IMPORTED}` LIKE '{digest}%'"
    runs = client.search_runs([experiment_id], query, max_results=10)
    alive = [one for one in runs if one.info.lifecycle_stage == LifecycleStage.ACTIVE]
    whole = [one for one in alive if one.data.tags[keys.TAG_IMPORTED] == digest]
    return next(iter([*whole, *alive]), None)


def _new_run(
    client: mlflow.MlflowClient, experiment_id: str, read: ReadHistory, digest: str
) -> Run:
    tags = {
        keys.TAG_IMPORTED: f"{digest}{_PARTIAL}",
        keys.TAG_SOURCE: str(read.path.absolute()),
        "mlflow.source.name": str(read.path),
        "mlflow.source.type": "LOCAL",
    }
    written_at = max(int(1000 * file.stat().st_mtime) for file in read.files)
    name = read.path.absolute().name
    return client.create_run(experiment_id, start_time=written_at, tags=tags, run_name=name)


def _write(
    client: mlflow.MlflowClient,
    run: Run,
    read: ReadHistory,
    on_points: Callable[[int, int], None],
) -> tuple[str, ...]:
    """Write everything, and end the run: as killed, unless all of it was written."""
    run_id = run.info.run_id
    short = [file for file in read.files if file.stat().st_size <= MAX_ARTIFACT_BYTES]
    status = "KILLED"
    try:
        client.update_run(run_id, status="RUNNING")
        _write_params(client, run_id, read.history)
        _write_points(client, run, read.history, on_points)
        _keep_files(client, run_id, short)
        status = _STATUSES.get(read.history.status or "", "FINISHED")
    finally:
        client.set_terminated(run_id, status, end_time=run.info.start_time)
    return tuple(file.name for file in read.files if file not in short)


def _keep_files(client: mlflow.MlflowClient, run_id: str, files: Sequence[Path]) -> None:
    """Copy files into the run, as they lie to each other."""
    top = os.path.commonpath([file.absolute().parent for file in files]) if files else ""
    try:
        for file in files:
            place = PurePosixPath(keys.SOURCE_ARTIFACTS, file.absolute().parent.relative_to(top))
            client.log_artifact(run_id, str(file), str(place))
    except Exception as error:  # an artifact store may raise anything
        raise StoreUnreachableError(
            f"The points of run {run_id} were written, its files could not be copied there "
            f"({str(error).partition(chr(10))[0]}). Give yourself the right to write artifacts, "
            "and import again: the run will be completed."
        ) from error


def _write_params(client: mlflow.MlflowClient, run_id: str, history: RunHistory) -> None:
    values = {keys.safe(name): value[:_MAX_PARAM] for name, value in history.params.items()}
    if history.planned_steps is not None and history.hyperparameters.planned_steps is None:
        values[f"{keys.PREFIX}planned_steps"] = str(history.planned_steps)
    params = [Param(name, value) for name, value in values.items()]
    for start in range(0, len(params), _PARAM_BATCH):
        client.log_batch(run_id, params=params[start : start + _PARAM_BATCH])


def _write_points(
    client: mlflow.MlflowClient,
    run: Run,
    history: RunHistory,
    on_points: Callable[[int, int], None],
) -> None:
    """Write the points under one timestamp: what is written twice is then there once."""
    thinned = {keys.safe(key): _thinned(series) for key, series in history.series.items()}
    total = sum(len(series) for series in thinned.values())
    written = 0
    for batch in _batches(thinned, run.info.start_time):
        client.log_batch(run.info.run_id, metrics=batch)
        written += len(batch)
        on_points(written, total)


def _batches(series: Mapping[str, Series], timestamp: int) -> Iterator[list[Metric]]:
    batch: list[Metric] = []
    for key, one in series.items():
        for step, value in zip(one.steps.tolist(), one.values.tolist(), strict=True):
            batch.append(Metric(key, value, timestamp, round(step)))
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _thinned(series: Series) -> Series:
    """Keep one point in a stride, the last one, and what is not finite."""
    stride = -(-len(series) // MAX_POINTS)
    if stride <= 1:
        return series
    is_kept = np.arange(len(series)) % stride == 0
    is_kept[-1] = True
    is_odd = ~series.is_finite
    is_odd &= np.cumsum(is_odd) <= MAX_POINTS
    return series.where(is_kept | is_odd)


def _of_run(read: ReadHistory, client: mlflow.MlflowClient, run: Run) -> RunHistory:
    return replace(
        read.history,
        identity=RunIdentity(
            run_id=run.info.run_id,
            name=run.info.run_name or "",
            experiment_id=run.info.experiment_id,
            tracking_uri=without_password(client.tracking_uri),
            state=look_up(client, run).state(read.roles),
        ),
    )
