"""Which event files belong to one training, and which to trainings of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tuneguard.files.sources import several_runs
from tuneguard.history.roles import normalise

_SPLITS: Final = {"train", "training", "val", "valid", "validation", "test", "eval", "evaluation"}
_TIMESTAMP: Final = re.compile(r"\d{9,}(\.\d+)?")


def one_run(folder: Path, files: Sequence[Path]) -> Mapping[str, Sequence[Path]]:
    """Return the files of each writer of a run, under the writer's folder.

    `train` and `validation` beside each other are two writers of one run, as Keras has them; so
    are all sub-folders of a folder with event files of its own, as `add_scalars` makes them.

    Args:
        folder: What was asked for.
        files: Its event files, in the order of their names.

    Raises:
        HistoryFormatError: They belong to several runs.
    """
    writers: dict[Path, list[Path]] = {}
    for file in files:
        writers.setdefault(file.parent.relative_to(folder), []).append(file)
    roots = dict.fromkeys(_run_of(writer) for writer in writers)
    if len(roots) > 1 and Path() not in roots:
        raise several_runs(folder, (folder / root for root in roots))
    names = _common_part_left_out(list(writers))
    return dict(zip(names, writers.values(), strict=True))


def _run_of(writer: Path) -> Path:
    """Return the folder of the run that a writer belongs to."""
    while writer.parts and _is_part_of_run(writer.name):
        writer = writer.parent
    return writer


def _is_part_of_run(name: str) -> bool:
    is_split = normalise(name) in _SPLITS
    # add_hparams writes into a folder that is named after the time
    return is_split or _TIMESTAMP.fullmatch(name) is not None


def _common_part_left_out(writers: Sequence[Path]) -> list[str]:
    parts = [writer.parts for writer in writers]
    common = 0
    while all(len(one) > common + 1 for one in parts) and len({one[common] for one in parts}) == 1:
        common += 1
    return ["/".join(one[common:]) for one in parts]
