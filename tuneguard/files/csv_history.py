"""A training history out of a CSV file, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TextIO

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.csv_lines import DELIMITERS, Layout, Line, layout_of, read_lines
from tuneguard.files.file_content import FileContent
from tuneguard.files.point_table import PointTable

_EXPECTED = (
    "Expected a header such as step,train_loss,val_loss and a row of numbers for each step."
)
_TOLERATED: Final = 0.05
_DIGITS: Final = frozenset("0123456789")


def read_csv(file: TextIO) -> FileContent:
    """Read a table whose header names the series.

    Args:
        file: The opened file, at its beginning.

    Raises:
        HistoryFormatError: It is no such table.
    """
    layout = layout_of(file)
    lines = read_lines(file, layout.delimiter)
    _, header = next(lines, (0, []))
    reader = _TableReader(_checked(header), layout)
    for line in lines:
        reader.read(line)
    return reader.content()


@dataclass(slots=True)
class _OddRows:
    """How many rows do not fit, and the first of them."""

    count: int = 0
    first: Line | None = None

    def add(self, line: Line) -> None:
        self.count += 1
        self.first = self.first or line


class _TableReader:
    """Takes line after line; the last one may have been cut off while it was written."""

    def __init__(self, header: list[str], layout: Layout) -> None:
        self._layout = layout
        self._begin(header)
        self._held: Line | None = None
        self._repeated_at: int | None = None
        self._notes: list[str] = []
        if layout.decimal == ",":
            self._notes.append("Numbers were read with a decimal comma: 0,5 is a half.")

    def _begin(self, header: list[str]) -> None:
        self._header = header
        self._table = PointTable(header, self._layout.decimal)
        self._rows = 0
        self._too_long = _OddRows()
        self._too_short = _OddRows()

    def read(self, line: Line) -> None:
        if self._held is not None:
            self._take(self._held)
        self._held = line

    def content(self) -> FileContent:
        """Return what was read.

        Raises:
            HistoryFormatError: There were no rows, or no numbers, or too many odd rows.
        """
        if self._held is None:
            raise HistoryFormatError(f"There is a header and no row under it. {_EXPECTED}")
        number, cells = self._held
        if len(cells) < len(self._header):
            self._notes.append(
                f"Line {number}, the last, has {len(cells)} of {len(self._header)} "
                "cells: it was cut off, and is left out."
            )
        else:
            self._take(self._held)
        self._judge_odd_rows()
        series = self._table.series()
        if not series:
            raise HistoryFormatError(
                f"No column holds numbers. Columns: {', '.join(self._header)[:200]}. {_EXPECTED}"
            )
        return FileContent(
            series, axis=self._table.axis, notes=[*self._notes, *self._table.notes()]
        )

    def _take(self, line: Line) -> None:
        number, cells = line
        if len(cells) == len(self._header) and cells[0][-1:] in _DIGITS:
            self._add(line)
        elif self._is_header(cells):
            self._repeated_at = number
        elif self._is_glued_to_header(cells):
            self._repeated_at = number
            self._notes.append(
                f"Line {number} was cut off, and another header follows in it: it is left out."
            )
        elif self._is_other_header(cells):
            self._notes.append(
                f"In line {number} another table begins, with other columns: what stands before "
                "it is left out. Split the file there to read it."
            )
            self._begin(_checked(cells))
        elif len(cells) > len(self._header):
            self._rows += 1
            self._too_long.add(line)
        else:
            self._add(line)

    def _add(self, line: Line) -> None:
        number, cells = line
        if len(cells) < len(self._header):
            _refuse_other_delimiter(line, self._header, self._layout.delimiter)
            self._too_short.add(line)
        if self._repeated_at is not None:
            self._begin_again(line)
        self._rows += 1
        self._table.add_cells(number, cells)

    def _is_header(self, cells: list[str]) -> bool:
        return [cell.strip() for cell in cells] == self._header

    def _begin_again(self, line: Line) -> None:
        """Tell a run that was appended from one that went on under a header of its own."""
        first, step = self._table.first_step, self._table.step_of(*line)
        is_counted = self._table.counts_rows
        if first is not None and (is_counted or (step is not None and step <= first)):
            self._notes.append(
                f"The header comes again in line {self._repeated_at}: two runs were appended. The "
                "last is read; split the file there to read the one before it."
            )
            self._begin(self._header)
        self._repeated_at = None

    def _is_glued_to_header(self, cells: list[str]) -> bool:
        """Whether a row was cut off in the middle, and a header written behind it."""
        width = len(self._header)
        behind = [cell.strip() for cell in cells[-width:]]
        return (
            len(cells) >= width > 1
            and behind[1:] == self._header[1:]
            and behind[0].endswith(self._header[0])
        )

    def _is_other_header(self, cells: list[str]) -> bool:
        known = set(self._header) - {""}
        return self._rows > 0 and len(known.intersection(cell.strip() for cell in cells)) > 0

    def _judge_odd_rows(self) -> None:
        """Leave out a few rows that do not fit; refuse a table of which many do not.

        Raises:
            HistoryFormatError: More than a twentieth of the rows have too many cells.
        """
        width = len(self._header)
        first, count = self._too_long.first, self._too_long.count
        if first is not None:
            what = f"Line {first[0]} has {len(first[1])} cells, the header has {width}"
            if count > _TOLERATED * self._rows:
                raise HistoryFormatError(
                    f"{what}, and so it is in {count} of {self._rows} rows. A thousands separator "
                    "or a comma inside a text cell? Quote it or take it out."
                )
            self._notes.append(f"{what}: {count} such rows were left out.")
        first, count = self._too_short.first, self._too_short.count
        if first is not None:
            self._notes.append(
                f"{count} rows have fewer cells than the header, the first in line "
                f"{first[0]}: the missing ones were taken as blank."
            )


def _checked(cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    if not header:
        raise HistoryFormatError(f"The file has no lines with text. {_EXPECTED}")
    if all(_is_number(cell) for cell in header):
        raise HistoryFormatError(
            f"The first line holds numbers ({', '.join(header)[:60]}) and no names. {_EXPECTED}"
        )
    twice = {cell for cell in header if cell and header.count(cell) > 1}
    if twice:
        raise HistoryFormatError(
            f"Several columns are called {sorted(twice)[0]!r}: give each a name of its own."
        )
    return header


def _refuse_other_delimiter(line: Line, header: list[str], delimiter: str) -> None:
    number, cells = line
    if len(cells) > 1:
        return
    for other in DELIMITERS:
        if other != delimiter and cells[0].count(other) == len(header) - 1:
            raise HistoryFormatError(
                f"The cells of line {number} are separated by {other!r}, those of the header "
                f"by {delimiter!r}: write them all in one way."
            )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
