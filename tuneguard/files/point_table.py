"""Rows of a table gathered into series, whatever file the rows came from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.kept_points import KeptPoints, limit_for
from tuneguard.files.numbers import Decimal, read_number
from tuneguard.history import Series
from tuneguard.history.roles import normalise

Cell = str | float | int | bool | None

_STEP_COLUMNS = ("step", "global_step", "trainer_global_step", "steps", "iteration", "iter")
_EPOCH_COLUMNS = ("epoch", "epochs")
_BLANKS = {"", "-", "--", "na", "n/a", "null", "none", "<na>"}
_MAX_EXAMPLES = 3
_MAX_REWINDS_SAID = 20


def axis_columns(names: Iterable[str]) -> tuple[str | None, str | None]:
    """Return which column counts the steps and which the epochs.

    >>> axis_columns(["epoch", "Global Step", "loss"])
    ('Global Step', 'epoch')
    """
    plain: dict[str, str] = {}
    for name in names:
        plain.setdefault(normalise(name), name)
    step = next((plain[alias] for alias in _STEP_COLUMNS if alias in plain), None)
    epoch = next((plain[alias] for alias in _EPOCH_COLUMNS if alias in plain), None)
    return step, epoch


class _Column:
    """The cells of one column that could be read, and examples of those that could not."""

    def __init__(self, name: str, index: int, limit: int) -> None:
        self.name = name
        self.index = index
        self.points = KeptPoints(limit)
        self.unreadable = 0
        self.examples: list[str] = []

    def reject(self, line: int, cell: str) -> None:
        self.unreadable += 1
        if len(self.examples) < _MAX_EXAMPLES:
            self.examples.append(f"{cell[:40]!r} (line {line})")

    @property
    def is_numeric(self) -> bool:
        return self.points.written > self.unreadable


class PointTable:
    """Gathers rows into series, a column each, in memory that does not grow with the rows.

    Args:
        names: The columns. One of them may count steps or epochs; without one, rows are counted.
        decimal: What the file writes before decimals; `None` where that is not known.
    """

    def __init__(self, names: Iterable[str], decimal: Decimal | None = None) -> None:
        self._names = list(names)
        self._decimal = decimal
        step, epoch = axis_columns(self._names)
        self._axis_name = step or epoch
        self._axis = None if self._axis_name is None else self._names.index(self._axis_name)
        self.axis: Literal["epoch"] | None = "epoch" if epoch and not step else None
        limit = limit_for(len(self._names))
        self._columns = [
            _Column(name, index, limit)
            for index, name in enumerate(self._names)
            if name and name not in {step, epoch}
        ]
        self._rows = 0
        self._lost_rows = 0
        self._first_lost: int | None = None
        self._last_step: float | None = None
        self._rewinds: list[str] = []
        self.first_step: float | None = None

    def add_row(self, line: int, row: Mapping[str, Cell]) -> None:
        """Add a row of named cells; blank and missing ones are skipped.

        Raises:
            HistoryFormatError: A number may be two.
        """
        self.add_cells(line, [row.get(name) for name in self._names])

    def add_cells(self, line: int, cells: Sequence[Cell]) -> None:
        """Add a row.

        Args:
            line: Where it stands in the file.
            cells: In the order of the columns; those missing at the end are blank.

        Raises:
            HistoryFormatError: A number may be two.
        """
        step = self.step_of(line, cells)
        self._rows += 1
        if step is None:
            self._lost_rows += 1
            self._first_lost = self._first_lost or line
            return
        if self._last_step is None or step < self._last_step:
            self._go_back(line, step)
        self._last_step = step
        if len(cells) < len(self._names):
            cells = [*cells, *[None] * (len(self._names) - len(cells))]
        for column in self._columns:
            cell = cells[column.index]
            if cell is None or cell == "" or column.points.passes_over(cell):
                continue
            value = self._number(line, column.name, cell)
            if value is not None:
                column.points.add(step, value)
            elif str(cell).strip().lower() not in _BLANKS:
                column.reject(line, str(cell))

    def step_of(self, line: int, cells: Sequence[Cell]) -> float | None:
        """Return the step of a row, or `None` where it has none that is a number.

        Raises:
            HistoryFormatError: It may be two numbers.
        """
        if self._axis is None or self._axis_name is None:
            return float(self._rows)
        cell = cells[self._axis] if self._axis < len(cells) else None
        step = self._number(line, self._axis_name, cell)
        return step if step is not None and math.isfinite(step) else None

    @property
    def counts_rows(self) -> bool:
        """Whether no column counts steps or epochs."""
        return self._axis is None

    def series(self) -> dict[str, Series]:
        """Return the columns that hold numbers, in the order of their rows."""
        return {
            column.name: Series.from_arrays(column.name, *column.points.arrays())
            for column in self._columns
            if column.is_numeric
        }

    def notes(self) -> list[str]:
        """Say what was left out, and where."""
        notes: list[str] = []
        texts = [c.name for c in self._columns if c.unreadable and not c.is_numeric]
        if texts:
            notes.append(f"Columns without numbers were ignored: {', '.join(texts[:10])}.")
        if self._lost_rows:
            notes.append(
                f"{self._lost_rows} rows were ignored, the first in line "
                f"{self._first_lost}: their {self._axis_name!r} is no number."
            )
        notes += self._rewinds if len(self._rewinds) < _MAX_REWINDS_SAID else []
        return [*notes, *self._column_notes()]

    def _column_notes(self) -> list[str]:
        notes = [
            f"{column.unreadable} cells of {column.name!r} are no numbers and were skipped, "
            f"such as {', '.join(column.examples)}."
            for column in self._columns
            if column.unreadable and column.is_numeric
        ]
        stride = max((column.points.stride for column in self._columns), default=1)
        if stride > 1:
            notes.append(
                f"The file has {self._rows:,} rows: of its longest series one point in {stride} "
                "was kept, and NaN and infinity wherever they stand. A spike between two of them "
                "is not seen; diagnose a part of the file to see every point."
            )
        return notes

    def _go_back(self, line: int, step: float) -> None:
        if self._last_step is None:
            self.first_step = step
        elif len(self._rewinds) < _MAX_REWINDS_SAID:
            self._rewinds.append(
                f"In line {line}, {self._axis_name!r} goes back from {self._last_step:g} to "
                f"{step:g}: taken for a run that was resumed. If two runs were appended, split "
                "the file there."
            )

    def _number(self, line: int, name: str, cell: Cell) -> float | None:
        try:
            if isinstance(cell, str):
                return read_number(cell, self._decimal)
            return None if cell is None or isinstance(cell, bool) else float(cell)
        except (TypeError, ValueError, OverflowError):
            return None
        except HistoryFormatError as error:
            raise HistoryFormatError(f"Line {line}, column {name!r}: {error}") from error
