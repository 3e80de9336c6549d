"""What is said of each training, kept for as long as those who say it stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from benchmarks.error_rates.cache import Cache, read
from benchmarks.error_rates.comparators.external import are_installed, meanings_of_others
from benchmarks.error_rates.judges import (
    COMPARED,
    OTHERS,
    OUTCOME,
    Document,
    digest_of_judge,
    judge,
)
from benchmarks.error_rates.outcomes import Outcome
from benchmarks.error_rates.plan import RunSpec
from benchmarks.error_rates.runner import WORKERS, side_by_side
from benchmarks.error_rates.said import Said
from benchmarks.error_rates.views import recorded

_KEPT_FILES = 6
_FEW = 200
_PART = 50  # trainings that the tools of another interpreter are asked about at a time


@dataclass(frozen=True, slots=True)
class Judged:
    """A training and what was said of it.

    Attributes:
        spec: Which training.
        outcome: What became of it.
        said: What was said of it, by judge.
    """

    spec: RunSpec
    outcome: Outcome
    said: Mapping[str, Document]

    def by(self, judge_name: str) -> Said:
        """Return what the rules said, as a judge of rules had it."""
        return Said.from_document(self.said[judge_name])


def judge_all(
    specs: Iterable[RunSpec], judges: Iterable[str], cache: Cache, workers: int = WORKERS
) -> list[Judged]:
    """Return what is said of trainings, in the order given.

    Args:
        specs: The trainings; those that are not kept are left out.
        judges: Names as `judge` takes them.
        cache: Where the trainings are kept.
        workers: How many processes judge side by side.
    """
    names = (OUTCOME, *judges)
    paths = {spec: path for spec in specs if (path := cache.find(spec)) is not None}
    shelves = {name: Shelf(cache.folder.parent / "judged", name) for name in names}
    tasks = []
    for path in paths.values():
        unsaid = tuple(name for name in names if path.name not in shelves[name].kept)
        if unsaid:
            tasks.append((path, unsaid))
    for record, found in side_by_side(_say, tasks, "judged", workers, few=_FEW):
        for name, document in found.items():
            shelves[name].add(record, document)
    if COMPARED in shelves and are_installed():
        shelves[OTHERS] = Shelf(cache.folder.parent / "judged", OTHERS)
        _ask_others([*paths.values()], shelves[OTHERS], workers)
    for shelf in shelves.values():
        shelf.close()
    return [
        Judged(
            spec,
            Outcome.from_document(shelves[OUTCOME].kept[path.name]),
            {name: shelf.kept[path.name] for name, shelf in shelves.items()},
        )
        for spec, path in paths.items()
    ]


def _ask_others(paths: Iterable[Path], shelf: Shelf, workers: int) -> None:
    """Ask the tools of another interpreter, which is started once for many histories."""
    unsaid = [path for path in paths if path.name not in shelf.kept]
    parts = [unsaid[first : first + _PART] for first in range(0, len(unsaid), _PART)]
    word = f"times {_PART} asked of other tools"
    for answers in side_by_side(_answers_of_others, parts, word, workers, few=1):
        for record, found in answers:
            shelf.add(record, found)


class Shelf:
    """What one judge said, by the file name of the training: one line of JSON each.

    Another file takes over when the judge's code changes; the newest few are left.

    Args:
        folder: Where the files are.
        judge_name: Name of the judge.

    Attributes:
        kept: What was said so far.
    """

    def __init__(self, folder: Path, judge_name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        stem = judge_name.replace("/", "-of-")
        self._path = folder / f"{stem}.{digest_of_judge(judge_name)}.jsonl"
        self._file: TextIO | None = None
        self.kept = dict(_lines_of(self._path))
        others = [one for one in folder.glob(f"{stem}.*.jsonl") if one != self._path]
        for path in sorted(others, key=_age)[:-_KEPT_FILES]:
            path.unlink(missing_ok=True)

    def add(self, record: str, document: Document) -> None:
        """Keep what was said of a training."""
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(json.dumps([record, document]) + "\n")
        self._file.flush()
        self.kept[record] = document

    def close(self) -> None:
        """End writing."""
        if self._file is not None:
            self._file.close()


def _say(task: tuple[Path, tuple[str, ...]]) -> tuple[str, dict[str, Document]]:
    path, names = task
    kept = read(path)
    return path.name, {name: judge(name, kept) for name in names}


def _answers_of_others(paths: Sequence[Path]) -> list[tuple[str, Document]]:
    answers = meanings_of_others(recorded(read(path)) for path in paths)
    return [(path.name, found) for path, found in zip(paths, answers, strict=True)]


def _lines_of(path: Path) -> Iterable[tuple[str, Document]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record, document = json.loads(line)
        except ValueError:
            # a line that was half written when somebody pressed Ctrl-C
            continue
        yield record, document


def _age(path: Path) -> float:
    return path.stat().st_mtime
