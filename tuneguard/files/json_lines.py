"""A training history out of JSON lines: one object a line, read without the whole in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.file_content import FileContent
from tuneguard.files.point_table import PointTable


def is_json_lines(file: TextIO) -> bool:
    """Whether the first line of `file` is an object of its own; leaves it at its beginning."""
    first = file.readline(1 << 20).strip()
    has_more = bool(file.read(1))
    file.seek(0)
    if not (has_more and first.startswith("{") and first.endswith("}")):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (json.JSONDecodeError, RecursionError):
        return False


def read_json_lines(file: TextIO) -> FileContent:
    """Read a row for each line. A last line that was cut off is left out, and that is said.

    Args:
        file: The opened file, at its beginning; it is read twice.

    Raises:
        HistoryFormatError: A line other than the last is no JSON object, or no row holds a number.
    """
    notes: list[str] = []
    names: dict[str, None] = {}
    for _, row in _rows(file, notes):
        names.update(dict.fromkeys(row))
    file.seek(0)
    table = PointTable(names)
    for number, row in _rows(file, []):
        table.add_row(number, row)
    series = table.series()
    if not series:
        raise HistoryFormatError(
            'No row holds a number. Expected lines such as {"step": 0, "train_loss": 2.3}.'
        )
    return FileContent(series, axis=table.axis, notes=[*notes, *table.notes()])


def _rows(file: TextIO, notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    broken: tuple[int, str] | None = None
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        if broken is not None:
            raise HistoryFormatError(f"Line {broken[0]} is no JSON object: {broken[1]}.")
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            broken = number, getattr(error, "msg", "nested too deeply")
            continue
        if not isinstance(row, dict):
            raise HistoryFormatError(f"Line {number} is no JSON object: a {type(row).__name__}.")
        yield number, row
    if broken is not None:
        notes.append(f"Line {broken[0]}, the last, was cut off, and is left out.")
