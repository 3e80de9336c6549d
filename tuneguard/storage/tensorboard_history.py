"""A training history out of a TensorBoard folder."""

from __future__ import annotations

from array import array
from collections import defaultdict
from pathlib import Path

import numpy as np

from tuneguard.exceptions import HistoryFormatError
from tuneguard.history import Series
from tuneguard.storage.event_file import read_scalars
from tuneguard.storage.file_content import FileContent

_PATTERN = "events.out.tfevents.*"


def is_event_file(path: Path) -> bool:
    """Whether `path` is named as TensorBoard's event files are."""
    return path.match(_PATTERN)


def read_tensorboard(path: Path) -> FileContent:
    """Read one event file, or all of a folder and the folders in it.

    Args:
        path: The file or the folder. What lies in a folder within it gets that folder's name
            before its tag, as `train/epoch_loss`.

    Raises:
        HistoryFormatError: There are no event files, or they hold no scalars.
    """
    files = sorted(path.rglob(_PATTERN)) if path.is_dir() else [path]
    if not files:
        raise HistoryFormatError("The folder holds no event files of TensorBoard.")
    steps: dict[str, array[float]] = defaultdict(lambda: array("d"))
    values: dict[str, array[float]] = defaultdict(lambda: array("d"))
    for file in files:
        folder = file.parent.relative_to(path).as_posix() if path.is_dir() else "."
        with file.open("rb") as binary:
            for scalar in read_scalars(binary):
                key = scalar.tag if folder == "." else f"{folder}/{scalar.tag}"
                steps[key].append(scalar.step)
                values[key].append(scalar.value)
    if not values:
        raise HistoryFormatError("The event files hold no scalars.")
    return FileContent(
        {
            key: Series.from_arrays(key, np.array(steps[key]), np.array(values[key]))
            for key in steps
        }
    )
