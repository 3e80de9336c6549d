"""A lock that the operating system lets go when its holder dies, however it dies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO


def lock_folder(folder: Path) -> IO[bytes] | None:
    """Take the lock of a folder, or return `None` where another process holds it.

    The lock is held until the returned file is closed.

    Raises:
        OSError: The folder does not take a file.
    """
    file = (folder / "lock").open("ab")
    try:
        _lock(file)
    except OSError:
        file.close()
        return None
    return file


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
