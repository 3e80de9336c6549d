"""A training history out of a CSV file, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.file_content import FileContent
from tuneguard.files.point_table import PointTable

_DELIMITERS = (",", ";", "\t")
_EXPECTED = (
    "Expected a header such as step,train_loss,val_loss and a row of numbers for each step."
)

_Line = tuple[int, list[str]]


def read_csv(file: TextIO) -> FileContent:
    """Read a table whose header names the series.

    Args:
        file: The opened file, at its beginning.

    Raises:
        HistoryFormatError: It is no such table.
    """
    lines = _lines(file)
    header = _header(next(lines, (0, []))[1])
    table = PointTable(header)
    notes: list[str] = []
    held: _Line | None = None
    for line in lines:
        if held is not None:
            _add(table, header, held)
        held = line
    if held is None:
        raise HistoryFormatError(f"There is a header and no row under it. {_EXPECTED}")
    number, cells = held
    if len(cells) < len(header):
        notes.append(
            f"Line {number}, the last, has {len(cells)} of {len(header)} cells: it was cut off, "
            "and is left out."
        )
    else:
        _add(table, header, held)
    series = table.series()
    if not series:
        raise HistoryFormatError(
            f"No column holds numbers. Columns: {', '.join(header)[:200]}. {_EXPECTED}"
        )
    return FileContent(series, axis=table.axis, notes=[*notes, *table.notes()])


def _lines(file: TextIO) -> Iterator[_Line]:
    """Split lines into cells, leaving out empty ones."""
    start = file.tell()
    delimiter = _delimiter(file.readline())
    file.seek(start)
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise HistoryFormatError(
            f"Line {reader.line_num} is no row of a table: {error}."
        ) from error


def _delimiter(first_line: str) -> str:
    return max(_DELIMITERS, key=first_line.count)


def _header(cells: list[str]) -> list[str]:
    if not cells:
        raise HistoryFormatError(f"The file has no lines with text. {_EXPECTED}")
    if all(_is_number(cell) for cell in cells):
        raise HistoryFormatError(
            f"The first line holds numbers ({', '.join(cells)[:60]}) and no names. {_EXPECTED}"
        )
    twice = {cell for cell in cells if cell and cells.count(cell) > 1}
    if twice:
        raise HistoryFormatError(
            f"Several columns are called {sorted(twice)[0]!r}: give each a name of its own."
        )
    return cells


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _add(table: PointTable, header: list[str], line: _Line) -> None:
    number, cells = line
    if len(cells) > len(header):
        raise HistoryFormatError(
            f"Line {number} has {len(cells)} cells, the header has {len(header)}. A thousands "
            "separator or a comma inside a text cell? Quote it or take it out."
        )
    # where two runs were appended, the header comes again
    if cells != header:
        table.add_row(number, dict(zip(header, cells, strict=False)))
