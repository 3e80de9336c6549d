"""What lies in a run's record, without the points themselves: enough to see that it changed."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tuneguard import keys
from tuneguard.spool.manifest import Manifest

_CONNECTIONS = 8
_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


@dataclass(frozen=True, eq=False)
class RecordListing:
    """The manifests of all recorders of one run, and where they lie.

    Attributes:
        artifacts: The run's artifacts.
        manifests: In order of the recorders' starts.
        size: Bytes of all parts.
        digest: Hash of the manifests; it changes whenever the record does.
    """

    artifacts: ArtifactRepository
    manifests: tuple[Manifest, ...]
    size: int
    digest: str


def list_record(client: MlflowClient, run: Run) -> RecordListing:
    """Return what the recorders of `run` say that they kept; nothing, where none was there.

    Raises:
        HistoryFormatError: A manifest cannot be read.
        mlflow.exceptions.MlflowException: The store did not answer.
    """
    # the client's own listing would ask for the run, and for the models that it logged, each time
    artifacts = get_artifact_repository(run.info.artifact_uri, tracking_uri=client.tracking_uri)
    folders = [entry.path for entry in artifacts.list_artifacts(keys.RECORD) if entry.is_dir]

    def read(path: str) -> tuple[Manifest, str] | None:
        names = {Path(entry.path).name for entry in artifacts.list_artifacts(path)}
        if keys.MANIFEST not in names:
            return None
        text = content_of(artifacts, f"{path}/{keys.MANIFEST}").decode("utf-8")
        manifest = Manifest.from_json(text)
        return (manifest, text) if manifest.recorder == Path(path).name else None

    found = [one for one in side_by_side(read, sorted(folders)) if one is not None]
    manifests = tuple(manifest for manifest, _ in found)
    texts = "\n".join(text for _, text in found)
    digest = hashlib.sha256(texts.encode()).hexdigest() if found else ""
    return RecordListing(artifacts, manifests, sum(one.size for one in manifests), digest)


def content_of(artifacts: ArtifactRepository, path: str) -> bytes:
    """Return one file of a run's artifacts.

    Raises:
        mlflow.exceptions.MlflowException: The store did not answer.
    """
    # a folder of its own: MLflow downloads under the bare name of a file
    with tempfile.TemporaryDirectory(prefix="tuneguard-") as folder:
        downloaded: str = artifacts.download_artifacts(path, folder)  # type: ignore[no-untyped-call]
        return Path(downloaded).read_bytes()


def side_by_side(read: Callable[[_Item], _Found], items: Sequence[_Item]) -> list[_Found]:
    """Read several things at once: what takes the time is the way to the store."""
    if len(items) < 2:
        return [read(item) for item in items]
    with ThreadPoolExecutor(min(_CONNECTIONS, len(items))) as pool:
        return list(pool.map(read, items))
