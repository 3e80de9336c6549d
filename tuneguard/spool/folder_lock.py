"""A lock that the operating system lets go when its holder dies, however it dies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

LOCK = "lock"


def lock_folder(folder: Path) -> IO[bytes] | None:
    """Take the lock of a folder, or return `None` where another process holds it.

    The lock is held until the returned file is given to `unlock`, or the process is gone.

    Raises:
        OSError: The folder does not take a file.
    """
    file = (folder / LOCK).open("ab")
    try:
        _lock(file)
    except OSError:
        file.close()
        return None
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
    """Let a lock go, for forked children that still hold the file too."""
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
