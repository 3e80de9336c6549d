"""Whether another rank than the first can reach what the run is kept in."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.entities import Run

from tuneguard import keys
from tuneguard.exceptions import RunNotFoundError, StoreUnreachableError
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.store_probe import check_store, without_password

_ON_DISK = {"", "file"}


def check_tracking_store(spool: Spool) -> None:
    """Make sure that a store in a file is here: MLflow would create it where it is not.

    Raises:
        StoreUnreachableError: It is on the disk of another machine, or does not answer.
    """
    check_store(spool.ticket.tracking_uri)


def check_artifacts(client: MlflowClient, run: Run, spool: Spool) -> None:
    """Make sure that what this rank uploads lands where rank 0 uploads.

    Artifacts in a folder are only there for machines that share its disk: another machine sees
    it where it sees what rank 0 has put there.

    Raises:
        StoreUnreachableError: The folder is on the disk of another machine, or rank 0 has not
            put anything there yet.
    """
    ticket = spool.ticket
    is_folder = urlsplit(run.info.artifact_uri).scheme in _ON_DISK
    if not is_folder or ticket.leader_host == ticket.host:
        return
    leader = f"{keys.RECORD}/{spool.manifest.leader}"
    names = {Path(entry.path).name for entry in client.list_artifacts(run.info.run_id, leader)}
    if keys.MANIFEST not in names:
        raise StoreUnreachableError(
            f"The artifacts of the run are in {run.info.artifact_uri} of {ticket.leader_host}, "
            "and what rank 0 put there is not seen from here: use an MLflow server for training "
            "on several machines"
        )


def run_of_leader(client: MlflowClient, spool: Spool, experiment_id: str) -> str:
    """Return the run that was created for rank 0, which could not start one in time.

    Raises:
        RunNotFoundError: It is not there yet, or rank 0 is not known.
    """
    manifest = spool.manifest
    if not manifest.leader:
        raise RunNotFoundError(
            f"Rank {manifest.rank} never learned from rank 0 which run it records in "
            f"{without_password(spool.ticket.tracking_uri)}."
        )
    wanted = f"tags.`{keys.TAG_RECORDER}` = '{manifest.leader}'"
    found = client.search_runs([experiment_id], filter_string=wanted, max_results=1)
    if not found:
        raise RunNotFoundError(
            f"Rank {manifest.rank} waits for the run of rank 0: call tuneguard sync where rank 0 "
            "was, then here again."
        )
    return str(found[0].info.run_id)
