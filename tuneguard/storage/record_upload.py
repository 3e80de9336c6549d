"""The full record on its way beside the run: parts first, then the manifest that names them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.spool.manifest import Manifest, Part
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.scratch_file import scratch_file


class RecordUpload:
    """Uploads what is new of one spool's record.

    Args:
        spool: What is to be uploaded; its ticket names a run.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._uploaded: dict[str, str] = {}
        self._sent: Manifest | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is something that the run has not."""
        return len(self._spool.held) > 0 or self._spool.manifest != self._sent

    def announce(self, client: MlflowClient) -> None:
        """Upload the manifest as far as its parts are there.

        Raises:
            Exception: Whatever the artifact store raises, or no disk takes a file to upload.
        """
        manifest = self._spool.manifest
        there = tuple(part for part in manifest.parts if self._is_uploaded(part))
        self._send_manifest(client, replace(manifest, parts=there))

    def send(self, client: MlflowClient) -> None:
        """Upload the parts that are not there yet, and the manifest after them.

        Raises:
            StoreUnreachableError: A part is on no disk and not with the run.
            Exception: Whatever the artifact store raises, or no disk takes a file to upload.
        """
        self._send_held(client)
        # parts may be added meanwhile: what is uploaded names only those uploaded before it
        manifest = self._spool.manifest
        for part in manifest.parts:
            if not self._is_uploaded(part):
                self._send_part(client, part)
        self._send_manifest(client, manifest)

    @property
    def _run_id(self) -> str:
        run_id = self._spool.ticket.run_id
        if run_id is None:
            raise StoreUnreachableError("There is no run yet; tuneguard sync creates it.")
        return run_id

    @property
    def _target(self) -> str:
        return f"{keys.RECORD}/{self._spool.manifest.recorder}"

    def _is_uploaded(self, part: Part) -> bool:
        return self._uploaded.get(part.name) == part.sha256

    def _send_held(self, client: MlflowClient) -> None:
        while (held := self._spool.held.first()) is not None:
            self._send_content(client, held.part.name, held.content)
            self._uploaded[held.part.name] = held.part.sha256
            self._spool.add_part(held.part, held.steps)
            self._spool.held.remove(held)

    def _send_part(self, client: MlflowClient, part: Part) -> None:
        path = self._spool.folder / part.name if self._spool.folder else None
        if path is not None and path.exists():
            client.log_artifact(self._run_id, str(path), self._target)
        elif part.name not in self._names_there(client):
            raise StoreUnreachableError(f"{part.name} of the record is not there any more")
        self._uploaded[part.name] = part.sha256

    def _names_there(self, client: MlflowClient) -> set[str]:
        """What the run has: a process that was killed may have sent parts from memory."""
        found = client.list_artifacts(self._run_id, self._target)
        return {Path(entry.path).name for entry in found}

    def _send_manifest(self, client: MlflowClient, manifest: Manifest) -> None:
        if manifest != self._sent:
            self._send_content(client, keys.MANIFEST, manifest.to_json().encode())
            self._sent = manifest

    def _send_content(self, client: MlflowClient, name: str, content: bytes) -> None:
        with scratch_file(name, content, self._spool.folder) as path:
            client.log_artifact(self._run_id, str(path), self._target)
