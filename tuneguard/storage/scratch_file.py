"""Files that exist only to be uploaded: MLflow takes artifacts from a disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - Linux keeps this folder in memory


@contextmanager
def scratch_file(name: str, content: bytes, folder: Path | None) -> Iterator[Path]:
    """Lend a file on the first disk that takes it.

    Args:
        name: File name.
        content: What is in it.
        folder: Where it is tried first; then come the folder for temporary files and, on Linux,
            the one in memory.

    Raises:
        OSError: No disk takes it.
    """
    lent = _written(name, content, folder)
    try:
        yield Path(lent.name) / name
    finally:
        lent.cleanup()


def _written(name: str, content: bytes, folder: Path | None) -> tempfile.TemporaryDirectory[str]:
    for place in (folder, None, _IN_MEMORY):
        if place is not None and not place.is_dir():
            continue
        with suppress(OSError):
            lent = tempfile.TemporaryDirectory(
                prefix="tuneguard-", dir=place, ignore_cleanup_errors=True
            )
            try:
                (Path(lent.name) / name).write_bytes(content)
            except OSError:
                lent.cleanup()
                raise
            return lent
    raise OSError("no disk takes a file to be uploaded from")
