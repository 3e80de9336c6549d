"""What an examiner does with a run that has ended: diagnose it, and write the review into it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Run

from tuneguard import keys
from tuneguard.catalogue import installed_rules
from tuneguard.diagnosis import diagnose
from tuneguard.reviewing import is_reviewed, publish_review
from tuneguard.server.artifact_places import check_artifacts_are_here
from tuneguard.server.run_ends import ENDED
from tuneguard.storage.connection import connect, find_run, translated_errors
from tuneguard.storage.metric_histories import latest_points
from tuneguard.storage.reader import look_up, read_history

_PAGE: Final = 500


class Examination:
    """Diagnoses runs of one store.

    Args:
        store: URI of the database.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._client: MlflowClient | None = None

    def examine(self, run_id: str, mark: str | None, *, traces: bool = True) -> dict[str, Any]:
        """Diagnose a run that has ended, and write the review into it.

        Args:
            run_id: The run.
            mark: What `mark_of` said when the run was last examined.
            traces: Whether to write findings as traces.

        Returns:
            `outcome`: `written`; `current`, where the run carries this review or has not changed
            since `mark`; `running`, where it has not ended; `empty`, where nothing was logged.
            `mark`: the run's mark now.

        Raises:
            TuneGuardError: The run is gone, or its review cannot be written.
        """
        client = self._connected()
        run = find_run(client, run_id)
        now = mark_of(run)
        if run.info.status not in ENDED:
            return {"outcome": "running", "mark": None}
        if now == mark:
            return {"outcome": "current", "mark": now}
        found = look_up(client, run)
        if not run.data.metrics and not (found.record and found.record.manifests):
            return {"outcome": "empty", "mark": now}
        rules = [rule() for rule in installed_rules()]
        if is_reviewed(found, rules, whole=True):
            return {"outcome": "current", "mark": now}
        check_artifacts_are_here(run)
        diagnosis = diagnose(read_history(found), rules)
        # everybody who may see the page would see where the server's database is
        identity = replace(diagnosis.identity, tracking_uri=None)
        review = replace(diagnosis, identity=identity)
        publish_review(review, tracking_uri=self._store, traces=traces)
        return {"outcome": "written", "mark": now}

    def ended_since(self, since: int) -> dict[str, Any]:
        """List the runs that ended lately.

        Args:
            since: Milliseconds since the epoch.

        Returns:
            `runs`: of each its id, its mark, and whether it carries a review. `seconds`: how much
            of the processor's time the list took.
        """
        begun = time.process_time()
        client = self._connected()
        with translated_errors(self._store):
            experiments = [one.experiment_id for one in _experiments(client)]
            found = {
                run.info.run_id: [
                    run.info.run_id,
                    mark_of(run),
                    keys.TAG_FINGERPRINT in run.data.tags,
                ]
                for query in _ended(since)
                for run in _runs(client, experiments, query)
                if run.info.status in ENDED and run.info.lifecycle_stage == LifecycleStage.ACTIVE
            }
        return {"runs": list(found.values()), "seconds": time.process_time() - begun}

    def _connected(self) -> MlflowClient:
        if self._client is None:
            self._client = connect(self._store)
        return self._client


def mark_of(run: Run) -> str:
    """Return a hash of what a diagnosis depends on, as far as the database alone tells."""
    parts = [run.info.status, run.info.end_time, latest_points(run), run.data.params]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _ended(since: int) -> Iterator[str]:
    """Yield queries for the runs that ended lately, some by hand without saying when."""
    yield f"attributes.end_time >= {since}"
    for status in sorted(ENDED):
        yield (
            f"attributes.status = '{status}' and attributes.start_time >= {since} "
            f"and tags.`{keys.TAG_FINGERPRINT}` IS NULL"
        )


def _experiments(client: MlflowClient) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_experiments(max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _runs(client: MlflowClient, experiments: list[str], query: str) -> Iterator[Run]:
    token = None
    while True:
        page = client.search_runs(experiments, query, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
