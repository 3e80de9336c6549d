"""From the spool to MLflow: chart points, parts of the record, params."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Metric, Param, Run
from mlflow.exceptions import MlflowException

from tuneguard import keys
from tuneguard.exceptions import RunDeletedError, StoreUnreachableError
from tuneguard.spool.charts import ChartPoint
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.early_points import LAST_STEP
from tuneguard.storage.key_owners import KeyOwners
from tuneguard.storage.metric_histories import sampled_points
from tuneguard.storage.rank_place import check_artifacts, check_tracking_store
from tuneguard.storage.reachability import is_reachable
from tuneguard.storage.record import load_manifests
from tuneguard.storage.store_probe import without_password

BATCH = 1000
COMPARE_SECONDS = 10.0
_MAX_PARAM_LENGTH = 6000
_CLIENT_ERRORS = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST"}

_logger = logging.getLogger(__name__)


class Delivery:
    """Sends what a spool holds to the run that its ticket names.

    Nothing is lost where a call raises: it is sent again at the next. The calls block for as long
    as MLflow does, so they belong on a thread of their own.

    Args:
        spool: What is to be delivered; its ticket names a run.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._client: MlflowClient | None = None
        self._owners: KeyOwners | None = None
        self._is_resumed = False
        self._refused: set[str] = set()
        self._uploaded: dict[str, str] = {}
        self._compared = time.monotonic()

    def send(self) -> None:
        """Send the chart points and finished parts that wait.

        Raises:
            StoreUnreachableError: The store does not answer.
            RunDeletedError: The run is in the trash.
            MlflowException: The store refused.
        """
        if self._spool.manifest.rank:
            self._send_record_of_rank()
            return
        client, run = self._contact()
        owners = self._key_owners(client)
        owners.look(run.data.metrics)
        self._compare_first_steps(client, owners)
        outbox = self._spool.outbox
        while points := outbox.peek(BATCH):
            self._hint_at_first_step(points[0])
            named = (p._replace(key=f"{self._spool.manifest.prefix}{p.key}") for p in points)
            placed = [owners.place(point) for point in named]
            wanted = [point for point in placed if point.key not in self._refused]
            owners.writing(wanted)
            owners.wrote(self._send_points(client, wanted))
            outbox.confirm()
        if tuple(sorted(owners.own)) != self._spool.manifest.charted_keys:
            self._spool.change_manifest(charted_keys=tuple(sorted(owners.own)))
        self._send_record(client)

    def finish(self) -> None:
        """Send everything, the params too, and declare the record complete.

        Raises:
            StoreUnreachableError: The store does not answer.
            RunDeletedError: The run is in the trash.
            MlflowException: The store refused.
        """
        self._spool.change_manifest(complete=True)
        self.send()
        if self._spool.manifest.rank:
            return
        client, run = self._contact()
        for name, value in self._spool.manifest.params.items():
            key = keys.safe(f"{keys.PREFIX}{self._spool.manifest.prefix}{name}")
            if key not in run.data.params:
                param = Param(key, value[:_MAX_PARAM_LENGTH])
                client.log_batch(self._run_id, params=[param], synchronous=True)

    @property
    def _run_id(self) -> str:
        run_id = self._spool.ticket.run_id
        if run_id is None:
            raise StoreUnreachableError("There is no run yet; tuneguard sync creates it.")
        return run_id

    def _contact(self) -> tuple[MlflowClient, Run]:
        uri = self._spool.ticket.tracking_uri
        run_id = self._run_id
        if not is_reachable(uri):
            raise StoreUnreachableError(f"Nothing answers at {without_password(uri)}.")
        if self._client is None:
            self._client = MlflowClient(uri)
        run = self._client.get_run(run_id)
        if run.info.lifecycle_stage == LifecycleStage.DELETED:
            raise RunDeletedError(f"Run {run_id} is deleted. Restore it, then: tuneguard sync")
        return self._client, run

    def _key_owners(self, client: MlflowClient) -> KeyOwners:
        if self._owners is None:
            found = [manifest for manifest, _ in load_manifests(client, self._run_id)]
            own = self._spool.manifest.recorder
            found = [manifest for manifest in found if not manifest.rank]
            self._is_resumed = any(m.complete and m.steps and m.recorder < own for m in found)
            earlier = [m for m in found if not self._spool.is_recorded_beside(m.recorder)]
            charted = {key for one in [*earlier, self._spool.manifest] for key in one.charted_keys}
            self._owners = KeyOwners(charted)
        return self._owners

    def _hint_at_first_step(self, point: ChartPoint) -> None:
        if self._is_resumed and point.step == 0:
            self._is_resumed = False
            _logger.warning(
                "Run %s has a recording already, and this one begins at step 0 again: the earlier "
                "one is left out of reviews. A training that goes on is to pass first_step=.",
                self._run_id,
            )

    def _compare_first_steps(self, client: MlflowClient, owners: KeyOwners) -> None:
        """Look for others' points that are not the latest: one key at a time, now and then."""
        if time.monotonic() - self._compared < COMPARE_SECONDS:
            return
        self._compared = time.monotonic()
        key = owners.next_key()
        if key is not None:
            found = sampled_points(client, self._run_id, key, (0, LAST_STEP))
            owners.look_at_first_steps(key, found or ())

    def _send_points(
        self, client: MlflowClient, points: Sequence[ChartPoint]
    ) -> Sequence[ChartPoint]:
        """Send points, and return those that were taken; one bad key costs only itself."""
        if not points:
            return ()
        metrics = [Metric(p.key, p.value, p.timestamp, p.step) for p in points]
        try:
            client.log_batch(self._run_id, metrics=metrics, synchronous=True)
        except MlflowException as error:
            if error.error_code not in _CLIENT_ERRORS:
                raise
            if len({point.key for point in points}) == 1:
                self._refuse(points[0].key, error)
                return ()
            half = len(points) // 2
            ordered = sorted(points, key=lambda point: point.key)
            first = self._send_points(client, ordered[:half])
            rest = [point for point in ordered[half:] if point.key not in self._refused]
            return [*first, *self._send_points(client, rest)]
        return points

    def _refuse(self, key: str, error: MlflowException) -> None:
        self._refused.add(key)
        reason = str(error).partition("\n")[0]
        _logger.warning("MLflow refuses %r; it is kept in the record only: %s", key, reason)

    def _send_record_of_rank(self) -> None:
        """Upload what another rank than the first kept; the metrics of the run are not its own."""
        if self._uploaded.get(keys.MANIFEST) == self._spool.manifest.to_json():
            return
        check_tracking_store(self._spool)
        client, run = self._contact()
        check_artifacts(client, run, self._spool)
        self._send_record(client)

    def _send_record(self, client: MlflowClient) -> None:
        """Upload the parts that are not there yet, and the manifest after them."""
        if self._spool.folder is None:
            return
        # parts may be added meanwhile: what is uploaded names only those uploaded before it
        manifest = self._spool.manifest
        target = f"{keys.RECORD}/{manifest.recorder}"
        for part in manifest.parts:
            path = self._spool.folder / part.name
            if self._uploaded.get(part.name) != part.sha256:
                client.log_artifact(self._run_id, str(path), target)
                self._uploaded[part.name] = part.sha256
        text = manifest.to_json()
        if self._uploaded.get(keys.MANIFEST) != text:
            client.log_text(self._run_id, text, f"{target}/{keys.MANIFEST}")
            self._uploaded[keys.MANIFEST] = text
