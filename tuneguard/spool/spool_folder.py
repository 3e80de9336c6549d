"""One recorder's folder on the local disk: what was measured, until MLflow has all of it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import IO, Any

from tuneguard import keys
from tuneguard.exceptions import HistoryFormatError
from tuneguard.spool.folder_lock import is_in_use, lock_folder, unlock
from tuneguard.spool.held_parts import HeldParts
from tuneguard.spool.manifest import Manifest, Part
from tuneguard.spool.outbox import Outbox

_TICKET = "run.json"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where the content of a spool belongs.

    Attributes:
        tracking_uri: The tracking store.
        run_id: The run, or `None` while the store could not be asked for one.
        experiment: Name of the experiment for a run that is yet to be created.
        started: When recording started, in milliseconds since 1970.
        own_run: Whether the run was started for this recording, so that its end is ours to tell.
        status: How the run ended (`FINISHED`, `FAILED`, `KILLED`), or `None` while it goes on.
        host: The machine that records.
        process: Id of the process that records.
        ended: When recording ended, in milliseconds since 1970.
        leader_host: The machine of rank 0, where another rank of a distributed training records.
        open_here: Whether the run was open in the process that records: nobody else ends it if
            that process dies.
    """

    tracking_uri: str
    run_id: str | None
    experiment: str | None = None
    started: int = 0
    own_run: bool = False
    status: str | None = None
    host: str = ""
    process: int = 0
    ended: int | None = None
    leader_host: str = ""
    open_here: bool = False


class Spool:
    """A folder that holds one recorder's ticket, manifest, segments, parts and outbox.

    Safe to use from several threads. Where there is no disk (`folder` is `None`), the ticket and
    the manifest live in memory, and nothing measured can be kept.

    Args:
        folder: The folder, which is this process's own.
        ticket: Where its content belongs.
        manifest: What the record holds so far.
        lock: What keeps other processes off.
    """

    def __init__(
        self,
        folder: Path | None,
        ticket: Ticket,
        manifest: Manifest,
        lock: IO[bytes] | None = None,
    ) -> None:
        self.folder = folder
        self.ticket = ticket
        self.manifest = manifest
        self.outbox = Outbox(folder)
        self.held = HeldParts()
        self._lock = lock
        self._mutex = threading.RLock()

    @classmethod
    def create(cls, root: Path, ticket: Ticket, manifest: Manifest) -> Spool:
        """Make the folder of a new recorder.

        Raises:
            OSError: The disk did not take it.
        """
        folder = root / manifest.recorder
        folder.mkdir(parents=True)
        here = replace(ticket, host=socket.gethostname(), process=os.getpid())
        spool = cls(folder, here, manifest, lock_folder(folder))
        spool._write_manifest()
        spool._write_ticket()
        return spool

    @classmethod
    def take_over(cls, folder: Path) -> Spool | None:
        """Open what another process left, or return `None` while that process is alive.

        Raises:
            OSError: The folder cannot be read.
            HistoryFormatError: It holds no spool.
        """
        lock = lock_folder(folder)
        if lock is None:
            return None
        try:
            ticket = read_ticket(folder)
            manifest = _read_manifest(folder)
        except BaseException:
            unlock(lock)
            raise
        return cls(folder, ticket, manifest, lock)

    def change_ticket(self, **changes: Any) -> None:
        """Change fields of the ticket; where the disk does not take it, in memory only."""
        with self._mutex:
            self.ticket = replace(self.ticket, **changes)
            with suppress(OSError):
                self._write_ticket()

    def change_manifest(self, **changes: Any) -> None:
        """Change fields of the manifest; where the disk does not take it, in memory only."""
        with self._mutex:
            self.manifest = replace(self.manifest, **changes)
            with suppress(OSError):
                self._write_manifest()

    def add_part(self, part: Part, steps: int) -> None:
        """Enter a part that has been written, with the number of optimizer steps in it."""
        with self._mutex:
            if any(part.name == one.name for one in self.manifest.parts):
                return
            parts = self.manifest.with_part(part).parts
            self.change_manifest(parts=parts, steps=self.manifest.steps + steps)

    def segments(self) -> list[Path]:
        """Return the files of the record that are no parts yet, in order."""
        return sorted(self.folder.glob("segment-*.arrow")) if self.folder else []

    def write_down(self) -> int:
        """Move what is in memory to disk, now that nobody else takes it.

        Returns:
            How many points of the charts the disk did not take; what it did not take of the
            record is counted in `held.dropped`.
        """
        while self.folder is not None and (part := self.held.first()) is not None:
            try:
                (self.folder / part.part.name).write_bytes(part.content)
            except OSError:
                break
            self.add_part(part.part, part.steps)
            self.held.remove(part)
        self.held.give_up()
        return self.outbox.write_down()

    def remove(self) -> None:
        """Delete the folder, and let it go."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def is_recorded_beside(self, recorder: str) -> bool:
        """Whether another recorder that keeps its spool beside this one is alive."""
        if self.folder is None or recorder == self.manifest.recorder:
            return False
        try:
            return is_in_use(self.folder.parent / recorder)
        except OSError:
            return False

    def release(self) -> None:
        """Let other processes have the folder."""
        if self._lock is not None:
            unlock(self._lock)
            self._lock = None

    def _write_ticket(self) -> None:
        self._write(_TICKET, json.dumps(asdict(self.ticket), indent=1))

    def _write_manifest(self) -> None:
        self._write(keys.MANIFEST, self.manifest.to_json())

    def _write(self, name: str, text: str) -> None:
        if self.folder is None:
            return
        unfinished = self.folder / f"{name}.unfinished"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(self.folder / name)


def open_spool(root: str | os.PathLike[str] | None, ticket: Ticket, manifest: Manifest) -> Spool:
    """Make the spool of a new recorder; where the disk does not take it, one without a folder."""
    chosen = spool_root(root)
    # where the disk cannot be read, nobody is known to record
    with suppress(OSError):
        if not manifest.rank:
            manifest = replace(manifest, beside=_place_beside(chosen, ticket))
    if manifest.beside:
        _logger.warning(
            "Run %s is being recorded already: the keys of this recorder begin with %r. "
            "Where the earlier recording is over, close() it before.",
            ticket.run_id,
            manifest.prefix,
        )
    try:
        return Spool.create(chosen, ticket, manifest)
    except OSError as error:
        _logger.warning(
            "Nothing can be kept in %s (%s): what is measured waits for MLflow in memory.",
            chosen,
            error,
        )
        return Spool(None, ticket, manifest)


def spool_root(chosen: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of all spools: as chosen, from $TUNEGUARD_SPOOL, or the user's cache."""
    if chosen is not None:
        return Path(chosen)
    if from_environment := os.environ.get("TUNEGUARD_SPOOL"):
        return Path(from_environment)
    return user_cache() / "tuneguard" / "spool"


def spool_folders(root: Path) -> Iterator[Path]:
    """Yield the folders that hold a spool, oldest first."""
    if root.is_dir():
        yield from sorted(path.parent for path in root.glob(f"*/{_TICKET}"))


def is_spool(folder: Path) -> bool:
    """Whether a folder holds a spool."""
    return (folder / _TICKET).exists()


def read_ticket(folder: Path) -> Ticket:
    """Return the ticket of a spool, whoever uses it.

    Raises:
        OSError: The folder cannot be read.
        HistoryFormatError: It holds no ticket.
    """
    path = folder / _TICKET
    try:
        return Ticket(**json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise HistoryFormatError(
            f"{path} says not where the recording belongs: {error}."
        ) from error


def _place_beside(root: Path, ticket: Ticket) -> int:
    """Return the lowest number that no recorder of the same run on this machine has."""
    taken: set[int] = set()
    for folder in spool_folders(root) if ticket.run_id is not None else ():
        # what cannot be read is nobody's: recording goes on
        with suppress(OSError, HistoryFormatError):
            other = read_ticket(folder)
            is_same = (other.tracking_uri, other.run_id) == (ticket.tracking_uri, ticket.run_id)
            if is_same and is_in_use(folder):
                manifest = _read_manifest(folder)
                taken |= set() if manifest.rank else {manifest.beside}
    return next(number for number in count() if number not in taken)


def _read_manifest(folder: Path) -> Manifest:
    return Manifest.from_json((folder / keys.MANIFEST).read_text(encoding="utf-8"))


def user_cache() -> Path:
    """Return the folder for what can be made again; where the user has none, one for the day."""
    try:
        return _cache_at_home()
    except RuntimeError:
        # a user without a home, as in many containers
        return Path(tempfile.gettempdir())


def _cache_at_home() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
