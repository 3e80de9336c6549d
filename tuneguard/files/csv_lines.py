"""The lines of a CSV file as cells, and how the file writes them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TextIO

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.numbers import Decimal, decimal_mark

DELIMITERS: Final = (",", ";", "\t", "|")

Line = tuple[int, list[str]]
"""Where a line stands in the file, from 1, and its cells."""

_MAX_LINE: Final = 1 << 20
_LOOKED_AT: Final = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file writes its cells.

    Attributes:
        delimiter: What stands between cells.
        decimal: What stands before decimals; `None` where nothing tells.
    """

    delimiter: str
    decimal: Decimal | None


def layout_of(file: TextIO) -> Layout:
    """Find out how `file`, which is at its beginning, writes its cells.

    Raises:
        HistoryFormatError: It is no table, or writes numbers in two ways.
    """
    header = next(_bounded(file), "")
    delimiter = max(DELIMITERS, key=header.count)
    file.seek(0)
    looked_at = islice(_split(file, delimiter), _LOOKED_AT)
    decimal = decimal_mark(cell.strip() for _, cells in looked_at for cell in cells)
    file.seek(0)
    return Layout(delimiter, decimal)


def read_lines(file: TextIO, delimiter: str) -> Iterator[Line]:
    """Yield the lines that hold anything.

    Raises:
        HistoryFormatError: A line is longer than any row of a table, or cannot be split.
    """
    return _split(file, delimiter)


def _split(file: TextIO, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(_bounded(file), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise HistoryFormatError(
            f"Line {reader.line_num} is no row of a table: {error}."
        ) from error


def _bounded(file: TextIO) -> Iterator[str]:
    """Yield lines; one without end must not fill the memory."""
    number = 0
    while line := file.readline(_MAX_LINE):
        number += 1
        if len(line) == _MAX_LINE and not line.endswith("\n"):
            raise HistoryFormatError(
                f"Line {number} has more than {_MAX_LINE:,} characters: this is no table with a "
                "row for each step."
            )
        yield line
