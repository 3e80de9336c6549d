"""Sends what recorders left on the local disk."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlflow import MlflowClient
from mlflow.entities import RunStatus

from tuneguard import keys
from tuneguard.exceptions import HistoryFormatError, StoreUnreachableError
from tuneguard.spool.folder_lock import LOCK
from tuneguard.spool.record_writer import compact, recover
from tuneguard.spool.spool_folder import (
    Spool,
    is_spool,
    read_ticket,
    spool_folders,
    spool_root,
)
from tuneguard.storage.delivery import Delivery
from tuneguard.storage.rank_place import run_of_leader
from tuneguard.storage.reachability import is_reachable
from tuneguard.storage.record import load_manifests
from tuneguard.storage.run_choice import DEFAULT_EXPERIMENT_ID, experiment_named
from tuneguard.storage.store_probe import without_password

_QUIET_SECONDS = 900.0
_RANK = "-rank-"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What became of one spool.

    Attributes:
        spool: Its folder.
        outcome: `delivered` (and removed), `in use` by a recorder that is alive, or `failed`
            (and kept).
        tracking_uri: The store that it belongs to, without password.
        run_id: The run, where there is one.
        reason: Why it failed, or who uses it.
    """

    spool: Path
    outcome: Literal["delivered", "in use", "failed"]
    tracking_uri: str = ""
    run_id: str | None = None
    reason: str = ""


def sync(
    root: str | os.PathLike[str] | None = None,
    tracking_uri: str | None = None,
    on_result: Callable[[SyncResult], None] | None = None,
) -> list[SyncResult]:
    """Deliver every spool that no recorder uses any more.

    A run that could not be created at the time is created with its original start. How a run
    ended is told where nobody else can: it was started for the recording, or the process that had
    it open died, and no later recorder goes on with it.

    Args:
        root: Folder of the spools; $TUNEGUARD_SPOOL or the user's cache where not given.
        tracking_uri: Send to this store in place of the one that each spool names.
        on_result: Called with each result as it comes.

    Returns:
        One result a spool, oldest first; none for a spool that its recorder delivered meanwhile.
    """
    results: list[SyncResult] = []
    # rank 0 first: the others belong to its run
    for folder in sorted(spool_folders(spool_root(root)), key=lambda one: _RANK in one.name):
        result = _sync_folder(folder, tracking_uri)
        if result is None:
            continue
        results.append(result)
        if on_result is not None:
            on_result(result)
    return results


def _sync_folder(folder: Path, tracking_uri: str | None) -> SyncResult | None:
    """Deliver a spool; `None` where there is nothing to do any more."""
    try:
        spool = Spool.take_over(folder)
    except (OSError, HistoryFormatError) as error:
        if not is_spool(folder):
            return None
        return SyncResult(folder, "failed", reason=str(error))
    if spool is None:
        return SyncResult(folder, "in use", reason="a process on this machine records into it")
    try:
        return _sync_spool(spool, folder, _last_change(folder), tracking_uri)
    finally:
        spool.release()


def send_earlier(spool: Spool) -> None:
    """Deliver what dead recorders of the same run left beside a spool; never raises.

    Where the run was started for one of them, its end is this spool's to tell from now on.
    """
    ticket = spool.ticket
    if spool.folder is None or spool.manifest.rank:
        return
    for folder in spool_folders(spool.folder.parent):
        try:
            earlier = read_ticket(folder)
            place = (earlier.tracking_uri, earlier.run_id)
            if folder == spool.folder or place != (ticket.tracking_uri, ticket.run_id):
                continue
            result = _sync_folder(folder, None)
        except (OSError, HistoryFormatError) as error:
            _logger.debug("%s cannot be delivered: %s", folder, error)
            continue
        if result is not None and result.outcome == "delivered":
            _logger.info("What a killed process had recorded of run %s is sent.", ticket.run_id)
            if earlier.own_run and not ticket.open_here:
                spool.change_ticket(own_run=True)


def _last_change(folder: Path) -> float:
    """When a spool was written to, in seconds since 1970; taking its lock does not count."""
    return max(
        (path.stat().st_mtime for path in folder.iterdir() if path.name != LOCK), default=0.0
    )


def _sync_spool(
    spool: Spool, folder: Path, last_change: float, tracking_uri: str | None
) -> SyncResult:
    ticket = spool.ticket
    is_elsewhere = ticket.host != socket.gethostname() and ticket.status is None
    if is_elsewhere and time.time() - last_change < _QUIET_SECONDS:
        return SyncResult(folder, "in use", reason=f"a process on {ticket.host} records into it")
    if tracking_uri is not None:
        spool.change_ticket(tracking_uri=tracking_uri)
    uri = without_password(spool.ticket.tracking_uri)
    try:
        _deliver(spool, last_change)
    except Exception as error:  # noqa: BLE001 - one spool that fails does not keep the others
        reason = str(error).partition("\n")[0]
        return SyncResult(folder, "failed", uri, spool.ticket.run_id, reason)
    spool.remove()
    return SyncResult(folder, "delivered", uri, spool.ticket.run_id)


def _deliver(spool: Spool, last_change: float) -> None:
    uri = spool.ticket.tracking_uri
    if not is_reachable(uri):
        raise StoreUnreachableError(f"Nothing answers at {without_password(uri)}.")
    client = MlflowClient(uri)
    if spool.ticket.run_id is None:
        spool.change_ticket(run_id=_missing_run(client, spool))
    recover(spool)
    compact(spool)
    Delivery(spool).finish()
    _tell_end(client, spool, int(last_change * 1000))


def _missing_run(client: MlflowClient, spool: Spool) -> str:
    name = spool.ticket.experiment
    experiment = experiment_named(client, name) if name else DEFAULT_EXPERIMENT_ID
    manifest = spool.manifest
    if manifest.rank:
        return run_of_leader(client, spool, experiment)
    tags = {keys.TAG_RECORDER: manifest.recorder} if manifest.world_size > 1 else {}
    run = client.create_run(experiment, start_time=spool.ticket.started, tags=tags)
    return str(run.info.run_id)


def _tell_end(client: MlflowClient, spool: Spool, last_change: int) -> None:
    """Tell how a run ended that nobody else ends: failed, where its process died silently."""
    ticket = spool.ticket
    is_orphan = ticket.open_here and ticket.status is None
    if ticket.run_id is None or not (ticket.own_run or is_orphan):
        return
    info = client.get_run(ticket.run_id).info
    if info.status != RunStatus.to_string(RunStatus.RUNNING) or _goes_on(client, spool):
        return
    status = ticket.status or RunStatus.to_string(RunStatus.FAILED)
    client.set_terminated(ticket.run_id, status, end_time=ticket.ended or last_change)


def _goes_on(client: MlflowClient, spool: Spool) -> bool:
    """Whether a later recorder has taken the run up, here or on another machine."""
    ticket, own = spool.ticket, spool.manifest.recorder
    if ticket.run_id is None or spool.folder is None:
        return False
    found = [manifest.recorder for manifest in load_manifests(client, ticket.run_id)]
    for folder in spool_folders(spool.folder.parent):
        with suppress(OSError, HistoryFormatError):
            if read_ticket(folder).run_id == ticket.run_id:
                found.append(folder.name)
    return any(recorder > own for recorder in found if _RANK not in recorder)
