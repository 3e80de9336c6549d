"""Which files of a path hold a history, and which the settings of the run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tuneguard.exceptions import HistoryFormatError

Kind = Literal["text", "events"]

_TRAINER_STATE: Final = "trainer_state.json"
_TABLES: Final = {"metrics.csv": "hparams.yaml", "results.csv": "args.yaml"}
_EVENTS: Final = "tfevents"
_ENDINGS: Final = (".csv", ".csv.gz", ".tsv", ".jsonl")
_MAX_DEPTH: Final = 4
_MAX_NAMED: Final = 10
_EXPECTED: Final = (
    "Expected a folder of Lightning (metrics.csv), Ultralytics (results.csv), the Hugging Face "
    "Trainer (trainer_state.json) or TensorBoard (event files)."
)


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be read of a run.

    Attributes:
        kind: Whether the files are text or events of TensorBoard.
        files: What holds the series.
        folder: What the names of sub-folders are told from.
        settings: YAML file with the settings of the run, where there is one.
    """

    kind: Kind
    files: tuple[Path, ...]
    folder: Path
    settings: Path | None = None

    @property
    def all_files(self) -> tuple[Path, ...]:
        """Return everything that is read."""
        return self.files if self.settings is None else (*self.files, self.settings)


def find_source(path: Path) -> Source:
    """Say what to read of a file or a folder.

    Raises:
        HistoryFormatError: A folder holds nothing that is known, or several runs.
    """
    if not path.is_dir():
        return _source_of_file(path)
    for name in (_TRAINER_STATE, *_TABLES):
        if (path / name).is_file():
            return _source_of_file(path / name)
    checkpoint = _latest_checkpoint(path)
    if checkpoint is not None:
        return _source_of_file(checkpoint)
    events = tuple(sorted((one for one in _walk(path) if _EVENTS in one.name), key=_by_number))
    if events:
        return Source("events", events, path, _beside(path / "hparams.yaml"))
    return _source_of_file(_only_one(path))


def _source_of_file(file: Path) -> Source:
    if _EVENTS in file.name:
        return Source("events", (file,), file.parent, _beside(file.parent / "hparams.yaml"))
    settings = _TABLES.get(file.name)
    beside = _beside(file.parent / settings) if settings else None
    return Source("text", (file,), file.parent, beside)


def _beside(file: Path) -> Path | None:
    return file if file.is_file() else None


def _latest_checkpoint(folder: Path) -> Path | None:
    """Return the state in the checkpoint of the most steps, which holds those before it too."""
    found = {
        int(file.parent.name.rpartition("-")[2]): file
        for file in folder.glob(f"checkpoint-*/{_TRAINER_STATE}")
        if file.parent.name.rpartition("-")[2].isdigit()
    }
    return found[max(found)] if found else None


def _only_one(folder: Path) -> Path:
    known = {*_TABLES, _TRAINER_STATE}
    runs = sorted((one for one in _walk(folder) if one.name in known), key=_by_number)
    if len(runs) == 1:
        return runs[0]
    if runs:
        raise several_runs(folder, (file.parent for file in runs))
    tables = sorted(one for one in folder.iterdir() if one.name.endswith(_ENDINGS))
    if len(tables) == 1:
        return tables[0]
    if tables:
        raise several_runs(folder, tables)
    raise HistoryFormatError(f"The folder holds no history of a training. {_EXPECTED}")


def several_runs(folder: Path, runs: Iterable[Path]) -> HistoryFormatError:
    """Return the error for a folder of several runs, which names them."""
    names = [str(run.relative_to(folder)) for run in runs]
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return HistoryFormatError(
        f"The folder holds {len(names)} runs: {', '.join(names[:_MAX_NAMED])}{more}. Name those "
        "that are meant, one after the other."
    )


def _by_number(file: Path) -> list[tuple[str, int]]:
    """Sort a name by the numbers in it: 9 before 10, the earlier time before the later."""
    return [(text, int(part or 0)) for text, part in re.findall(r"(\D*)(\d*)", str(file))]


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, a few levels deep: it may be somebody's whole disk."""
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(folders) if depth < _MAX_DEPTH else []
        yield from (Path(place) / name for name in names)
