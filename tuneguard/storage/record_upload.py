"""The full record on its way beside the run: parts first, then the manifest that names them."""

from __future__ import annotations

from dataclasses import replace

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.spool.manifest import Manifest, Part
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.run_contact import RunContact


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

    def announce(self, contact: RunContact) -> None:
        """Upload the manifest as far as its parts are there.

        Raises:
            Exception: Whatever the artifact store raises, or no disk takes a file to upload.
        """
        manifest = self._spool.manifest
        there = tuple(part for part in manifest.parts if self._is_uploaded(part))
        self._send_manifest(contact, replace(manifest, parts=there))

    def send(self, contact: RunContact) -> None:
        """Upload the parts that are not there yet, and the manifest after them.

        Raises:
            StoreUnreachableError: A part is on no disk and not with the run.
            Exception: Whatever the artifact store raises, or no disk takes a file to upload.
        """
        self._send_held(contact)
        # parts may be added meanwhile: what is uploaded names only those uploaded before it
        manifest = self._spool.manifest
        for part in manifest.parts:
            if not self._is_uploaded(part):
                self._send_part(contact, part)
        self._send_manifest(contact, manifest)

    @property
    def _target(self) -> str:
        return f"{keys.RECORD}/{self._spool.manifest.recorder}"

    def _is_uploaded(self, part: Part) -> bool:
        return self._uploaded.get(part.name) == part.sha256

    def _send_held(self, contact: RunContact) -> None:
        while (held := self._spool.held.first()) is not None:
            self._send_content(contact, held.part.name, held.content)
            self._uploaded[held.part.name] = held.part.sha256
            self._spool.add_part(held.part, held.steps)
            self._spool.held.remove(held)

    def _send_part(self, contact: RunContact, part: Part) -> None:
        path = self._spool.folder / part.name if self._spool.folder else None
        if path is not None and path.exists():
            contact.upload(path, f"{self._target}/{part.name}")
        # a process that was killed may have sent it from memory
        elif part.name not in contact.names(self._target):
            raise StoreUnreachableError(f"{part.name} of the record is not there any more")
        self._uploaded[part.name] = part.sha256

    def _send_manifest(self, contact: RunContact, manifest: Manifest) -> None:
        if manifest != self._sent:
            self._send_content(contact, keys.MANIFEST, manifest.to_json().encode())
            self._sent = manifest

    def _send_content(self, contact: RunContact, name: str, content: bytes) -> None:
        contact.upload(content, f"{self._target}/{name}", self._spool.folder)
