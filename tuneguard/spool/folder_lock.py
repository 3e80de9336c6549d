"""A lock that the operating system lets go when its holder dies, however it dies."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO
from weakref import WeakSet

LOCK = "lock"

_held: WeakSet[IO[bytes]] = WeakSet()


def lock_folder(folder: Path) -> IO[bytes] | None:
    """Take the lock of a folder, or return `None` where another process holds it.

    The lock is held until the returned file is given to `unlock`, or the process is gone; a
    forked child does not hold it.

    Raises:
        OSError: The folder does not take a file.
    """
    file = (folder / LOCK).open("ab")
    try:
        _lock(file)
    except OSError:
        file.close()
        return None
    _held.add(file)
    return file


def is_in_use(folder: Path) -> bool:
    """Whether somebody holds the lock of a folder.

    Raises:
        OSError: The folder does not take a file.
    """
    lock = lock_folder(folder)
    if lock is not None:
        unlock(lock)
    return lock is None


def unlock(file: IO[bytes]) -> None:
    """Let a lock go."""
    with file:
        _unlock(file)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)

    def _forget_in_child() -> None:
        """Close the files only: unlocking one would unlock it for the parent too."""
        for file in list(_held):
            with suppress(OSError):
                file.close()

    # a child that outlives its parent would keep the lock of what nobody writes any more
    os.register_at_fork(after_in_child=_forget_in_child)
