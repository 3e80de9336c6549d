"""Files that are diagnosed: read, said where they are long, and imported into MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tuneguard.cli.progress import progress_bar
from tuneguard.cli.terminal import say

if TYPE_CHECKING:
    from tuneguard.history import RunHistory

_LONG: Final = 64 << 20


def read_file(path: Path, roles: Mapping[str, str]) -> RunHistory:
    """Read a history from a file or a folder.

    Raises:
        TuneGuardError: It cannot be read.
    """
    from tuneguard.files.history_file import read_history_file

    size = path.stat().st_size if path.is_file() else 0
    if size > _LONG:
        say(f"Reading {path}, {size / 1e6:,.0f} MB, row by row ...")
    return read_history_file(path, roles=roles)


def import_file(
    path: Path, roles: Mapping[str, str], experiment: str, tracking_uri: str | None
) -> RunHistory:
    """Read a history, write it into a run of MLflow, and return it as the history of that run.

    Raises:
        TuneGuardError: It cannot be read, or not be written.
    """
    from tuneguard.files.sources import find_source
    from tuneguard.storage.imported_run import ReadHistory, import_history

    read = ReadHistory(read_file(path, roles), path, find_source(path).all_files, roles)
    with progress_bar() as progress:
        importing = progress.add_task("importing points", total=None)
        try:
            imported = import_history(
                read,
                experiment,
                tracking_uri=tracking_uri,
                on_points=lambda written, total: progress.update(
                    importing, completed=written, total=total
                ),
            )
        except KeyboardInterrupt:
            say(
                f"Interrupted: {path} is imported in part, and its run is marked KILLED. The same "
                "command completes it."
            )
            raise
    what = "was imported before, as" if imported.was_there else "is imported as"
    say(f"{path} {what} run {imported.run_id}.")
    for name in imported.left_out:
        say(
            f"{name} is too long to be kept with the run, whose tag tuneguard.source has its path."
        )
    return imported.history
