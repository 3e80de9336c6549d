"""A run read again and again while it trains: each time only what is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Run

from tuneguard.history import RunHistory
from tuneguard.history.roles import assign_roles
from tuneguard.storage.connection import connect, find_run, translated_errors
from tuneguard.storage.metric_histories import latest_points, read_histories
from tuneguard.storage.reachability import impatient_requests
from tuneguard.storage.reader import FoundRun, look_up, put_together, record_of
from tuneguard.storage.record import Record
from tuneguard.storage.run_series import keys_to_read, named_as_charted
from tuneguard.storage.sampled_points import SAMPLE_SIZE, sampled_points
from tuneguard.storage.written import Written

THOROUGH_SECONDS = 30.0

Latest = Mapping[str, tuple[int, int]]


class RunFollower:
    """Follows one run, and remembers what it has read.

    Losses, metrics and whatever else plays a role are read each time, from their last known step
    on. The many series of layers, and the record, are looked at every `THOROUGH_SECONDS`. When
    the run ends everything is read whole once more: only then is seen what a resumed run wrote
    at steps that were known already.
    """

    def __init__(
        self,
        run_id: str,
        tracking_uri: str | None = None,
        *,
        roles: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to follow a run; nothing is read yet.

        Args:
            run_id: The run.
            tracking_uri: Where it is kept; MLflow's own choice where not given.
            roles: Role name to metric key, where the key's name does not tell.
            clock: Seconds, from any origin.
        """
        self._run_id, self._uri, self._roles, self._clock = run_id, tracking_uri, roles, clock
        self._client: MlflowClient | None = None
        self._found: FoundRun | None = None
        self._record = Record()
        self._problems: tuple[str, ...] = ()
        self._histories: dict[str, Written] = {}
        self._known: dict[str, tuple[int, int]] = {}
        self._status = ""
        self._thorough_at = -np.inf

    def read(self) -> RunHistory | None:
        """Return the run as it is now, or `None` where nothing has changed since the last time.

        A server that does not answer is asked once, and not for minutes as MLflow would.

        Raises:
            RunNotFoundError: The store has no such run.
            RunDeletedError: The run is in the trash.
            StoreUnreachableError: The store does not answer, or refuses.
            HistoryFormatError: `roles` names what is not there.
        """
        with impatient_requests():
            client = self._client = self._client or connect(self._uri)
            run = find_run(client, self._run_id)
            with translated_errors(client.tracking_uri, self._run_id):
                return self._read(client, run)

    def _read(self, client: MlflowClient, run: Run) -> RunHistory | None:
        latest = latest_points(run)
        is_news = run.info.status != self._status
        is_thorough = is_news or self._clock() - self._thorough_at >= THOROUGH_SECONDS
        if is_news:
            self._known.clear()
        if is_thorough:
            is_news |= self._look_at_the_record(client, run)
        record = named_as_charted(self._record, latest)
        wanted = keys_to_read(latest, record)
        due = [key for key in wanted if self._known.get(key) != latest[key]]
        if not is_thorough:
            due = _that_play_a_role(due, latest)
        self._extend(client, {key: latest[key] for key in due})
        self._status = run.info.status
        if is_thorough:
            self._thorough_at = self._clock()
        if not (due or is_news):
            return None
        found = FoundRun(client, run, self._found.record if self._found else None)
        histories = {key: self._histories[key] for key in wanted if key in self._histories}
        return put_together(found, record, histories, self._roles, self._problems)

    def _look_at_the_record(self, client: MlflowClient, run: Run) -> bool:
        """Read the record where it has grown, and return whether it has."""
        before = self._found and self._found.record
        self._found = look_up(client, run)
        now = self._found.record
        if before and now and before.digest == now.digest:
            return False
        self._record, self._problems = record_of(self._found)
        return True

    def _extend(self, client: MlflowClient, latest: Latest) -> None:
        """Read what came after the last known step of each metric; new ones are read whole."""
        whole: dict[str, int] = {}
        for key, point in latest.items():
            tail = self._tail(client, key, point[0])
            if tail is None:
                whole[key] = point[0]
            else:
                self._histories[key] = _joined(self._histories[key], tail)
                self._known[key] = point
        for key, points in read_histories(client, self._run_id, whole).items():
            self._histories[key] = points
            self._known[key] = latest[key]

    def _tail(self, client: MlflowClient, key: str, last_step: int) -> Written | None:
        """Return the points after the last known step, or `None` where all must be read."""
        if key not in self._known or last_step <= self._known[key][0]:
            return None
        known = self._known[key][0]
        points = sampled_points(client, self._run_id, key, (known, last_step))
        if points is None or len(points) >= SAMPLE_SIZE:
            return None
        return Written.from_metrics(points).after(known)


def _that_play_a_role(changed: Iterable[str], latest: Latest) -> list[str]:
    assignment = assign_roles({key: step + 1 for key, (step, _) in latest.items()})
    needed = {*assignment.roles.values(), *(metric.key for metric in assignment.metrics)}
    return [key for key in changed if key in needed]


def _joined(known: Written, tail: Written) -> Written:
    timestamps, steps, values = (
        np.concatenate([getattr(known, name), getattr(tail, name)])
        for name in ("timestamps", "steps", "values")
    )
    return Written.from_arrays(timestamps, steps, values, is_sampled=known.is_sampled)
