"""From the spool to MLflow: chart points, parts of the record, params."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence

from mlflow.exceptions import MlflowException

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.spool.charts import ChartPoint
from tuneguard.spool.manifest import Manifest
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.early_points import LAST_STEP
from tuneguard.storage.key_owners import KeyOwners
from tuneguard.storage.live_tags import LiveTags
from tuneguard.storage.rank_place import check_artifacts, check_tracking_store
from tuneguard.storage.record import load_manifests
from tuneguard.storage.record_upload import RecordUpload
from tuneguard.storage.run_contact import RunContact

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

    Attributes:
        tags: What is found in the run while it trains.
        left: Keys that somebody else is known to log.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.tags = LiveTags()
        self.left: frozenset[str] = frozenset()
        self._record = RecordUpload(spool)
        self._contact: RunContact | None = None
        self._owners: KeyOwners | None = None
        self._params: Collection[str] | None = None
        self._is_resumed = False
        self._refused: set[str] = set()
        self._compared = time.monotonic()

    def send(self) -> None:
        """Send the chart points and finished parts that wait; without any, little is asked.

        Raises:
            StoreUnreachableError: The store does not answer.
            RunDeletedError: The run is in the trash.
            MlflowException: The store refused.
            OSError: No disk takes a file to be uploaded from.
        """
        if self._spool.manifest.rank:
            self._send_record_of_rank()
        elif self._record.is_due or not self._spool.outbox.is_empty:
            contact = self._connected()
            state = contact.state()
            self._params = state.params
            owners = self._key_owners(contact)
            self._look(contact, owners, state.latest)
            self._compare_first_steps(contact, owners)
            while points := self._spool.outbox.peek(BATCH):
                self._deliver(contact, owners, points)
                self._spool.outbox.confirm()
            self._name_charted(owners)
            self._record.send(contact)
        elif self._contact is not None and self._owners is not None:
            self._compare_first_steps(self._contact, self._owners)
        if self.tags.is_due:
            self._send_tags(self._connected())

    def finish(self) -> None:
        """Send everything, the params too, and declare the record complete.

        Raises:
            StoreUnreachableError: The store does not answer.
            RunDeletedError: The run is in the trash.
            MlflowException: The store refused.
            OSError: No disk takes a file to be uploaded from.
        """
        self._spool.change_manifest(complete=True)
        self.send()
        if not self._spool.manifest.rank:
            self._send_facts(self._connected())

    def _connected(self) -> RunContact:
        if self._contact is None:
            ticket = self._spool.ticket
            if ticket.run_id is None:
                raise StoreUnreachableError("There is no run yet; tuneguard sync creates it.")
            self._contact = RunContact(ticket.tracking_uri, ticket.run_id)
        return self._contact

    def _deliver(
        self, contact: RunContact, owners: KeyOwners, points: Sequence[ChartPoint]
    ) -> None:
        self._hint_at_first_step(points[0])
        named = (p._replace(key=f"{self._spool.manifest.prefix}{p.key}") for p in points)
        placed = [owners.place(point) for point in named]
        wanted = [point for point in placed if point.key not in self._refused]
        owners.writing(wanted)
        if not owners.own <= set(self._spool.manifest.charted_keys):
            self._announce(contact, owners)
        owners.wrote(self._send_points(contact, wanted))

    def _announce(self, contact: RunContact, owners: KeyOwners) -> None:
        """Say whose the keys are before there are points: other recorders may look meanwhile."""
        self._name_charted(owners)
        try:
            self._record.announce(contact)
        except Exception as error:  # noqa: BLE001 - the charts need no artifact store
            _logger.debug("The manifest could not be sent: %s", error)

    def _name_charted(self, owners: KeyOwners) -> None:
        charted = tuple(sorted(owners.own))
        if charted != self._spool.manifest.charted_keys:
            self._spool.change_manifest(charted_keys=charted)

    def _send_facts(self, contact: RunContact) -> None:
        """Send what is known of the training as params, and how much of it was lost as a tag."""
        manifest = self._spool.manifest
        known = contact.state().params if self._params is None else self._params
        named = {
            keys.safe(f"{keys.PREFIX}{manifest.prefix}{name}"): value[:_MAX_PARAM_LENGTH]
            for name, value in manifest.params.items()
        }
        params = {key: value for key, value in named.items() if key not in known}
        tags = {keys.TAG_DROPPED: str(manifest.dropped)} if manifest.dropped else {}
        if not self._has_logged(contact, params, tags):
            self._has_logged(contact, {}, tags)
            for key, value in params.items():
                if not self._has_logged(contact, {key: value}, {}):
                    _logger.warning("MLflow refuses the param %r: it is in the record only", key)

    def _send_tags(self, contact: RunContact) -> None:
        try:
            self.tags.send(contact)
        except MlflowException as error:
            if error.error_code not in _CLIENT_ERRORS:
                raise
            self.tags = LiveTags()
            _logger.warning("MLflow refuses the tags of what was found: %s", _first_line(error))

    def _has_logged(
        self, contact: RunContact, params: Mapping[str, str], tags: Mapping[str, str]
    ) -> bool:
        """Send facts, and return whether the store took them."""
        try:
            if params or tags:
                contact.log_facts(params, tags)
        except MlflowException as error:
            if error.error_code not in _CLIENT_ERRORS:
                raise
            return False
        return True

    def _others(self, contact: RunContact) -> list[Manifest]:
        """The manifests of the run's recorders other than this and ranks other than the first."""
        own = self._spool.manifest.recorder
        if not contact.names(keys.RECORD) - {own}:
            return []
        found = load_manifests(contact.client, contact.run_id)
        return [one for one in found if not one.rank and one.recorder != own]

    def _key_owners(self, contact: RunContact) -> KeyOwners:
        if self._owners is None:
            manifest = self._spool.manifest
            found = self._others(contact)
            self._is_resumed = any(
                m.complete and m.steps and m.recorder < manifest.recorder for m in found
            )
            earlier = [m for m in found if not self._spool.is_recorded_beside(m.recorder)]
            charted = {key for one in [*earlier, manifest] for key in one.charted_keys}
            self._owners = KeyOwners(charted)
        return self._owners

    def _look(self, contact: RunContact, owners: KeyOwners, latest: Mapping[str, float]) -> None:
        if owners.strangers(latest) & owners.own:
            owners.inherit(self._synced_keys(contact), latest)
        owners.look(latest)
        owners.leave(self.left)

    def _synced_keys(self, contact: RunContact) -> set[str]:
        """Keys of recorders that are over: what they left may have been delivered meanwhile."""
        return {key for one in self._others(contact) if one.complete for key in one.charted_keys}

    def _hint_at_first_step(self, point: ChartPoint) -> None:
        if self._is_resumed and point.step == 0:
            self._is_resumed = False
            _logger.warning(
                "Run %s has a recording already, and this one begins at step 0 again: the earlier "
                "one is left out of reviews. A training that goes on is to pass first_step=.",
                self._spool.ticket.run_id,
            )

    def _compare_first_steps(self, contact: RunContact, owners: KeyOwners) -> None:
        """Look for others' points that are not the latest: one key at a time, now and then."""
        if time.monotonic() - self._compared < COMPARE_SECONDS:
            return
        self._compared = time.monotonic()
        key = owners.next_key()
        if key is None:
            return
        found = contact.points_within(key, 0, LAST_STEP)
        if owners.is_shared(key, found):
            owners.inherit(self._synced_keys(contact), {})
            owners.look_at_first_steps(key, found)

    def _send_points(
        self, contact: RunContact, points: Sequence[ChartPoint]
    ) -> Sequence[ChartPoint]:
        """Send points, and return those that were taken; one bad key costs only itself."""
        if not points:
            return ()
        try:
            contact.log_points(points)
        except MlflowException as error:
            if error.error_code not in _CLIENT_ERRORS:
                raise
            if len({point.key for point in points}) == 1:
                self._refuse(contact, points[0].key, error)
                return ()
            half = len(points) // 2
            ordered = sorted(points, key=lambda point: point.key)
            first = self._send_points(contact, ordered[:half])
            rest = [point for point in ordered[half:] if point.key not in self._refused]
            return [*first, *self._send_points(contact, rest)]
        return points

    def _refuse(self, contact: RunContact, key: str, error: MlflowException) -> None:
        # a run that was deleted meanwhile refuses every key
        contact.state()
        self._refused.add(key)
        _logger.warning(
            "MLflow refuses %r; it is kept in the record only: %s", key, _first_line(error)
        )

    def _send_record_of_rank(self) -> None:
        """Upload what another rank than the first kept; the metrics of the run are not its own."""
        if not self._record.is_due:
            return
        check_tracking_store(self._spool)
        contact = self._connected()
        check_artifacts(contact.client, contact.client.get_run(contact.run_id), self._spool)
        self._record.send(contact)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
