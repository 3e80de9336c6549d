"""Rows of a table gathered into series, whatever file the rows came from."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tuneguard.exceptions import HistoryFormatError
from tuneguard.history import Series
from tuneguard.history.roles import normalise

Cell = str | float | int | bool | None

_STEP_COLUMNS = ("step", "global_step", "trainer_global_step", "steps", "iteration", "iter")
_EPOCH_COLUMNS = ("epoch", "epochs")
_BLANKS = {"", "-", "na", "n/a", "null", "none"}
_MAX_EXAMPLES = 3


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


@dataclass
class _Column:
    """The cells of one column that could be read, and examples of those that could not."""

    steps: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    unreadable: int = 0
    examples: list[str] = field(default_factory=list)

    def reject(self, line: int, cell: str) -> None:
        self.unreadable += 1
        if len(self.examples) < _MAX_EXAMPLES:
            self.examples.append(f"{cell[:40]!r} (line {line})")


class PointTable:
    """Gathers rows into series, a column each.

    Args:
        names: The columns. One of them may count steps or epochs; without one, rows are counted.
    """

    def __init__(self, names: Iterable[str]) -> None:
        names = list(names)
        step, epoch = axis_columns(names)
        self._axis_name = step or epoch
        self.axis: Literal["epoch"] | None = "epoch" if epoch and not step else None
        self._columns = {name: _Column() for name in names if name and name not in {step, epoch}}
        self._rows = 0
        self._lost_rows = 0

    def add_row(self, line: int, cells: Mapping[str, Cell]) -> None:
        """Add a row.

        Args:
            line: Where it stands in the file.
            cells: Column name to cell; blank and missing cells are skipped.

        Raises:
            HistoryFormatError: A number is written with a comma.
        """
        step = (
            float(self._rows) if self._axis_name is None else _number(cells.get(self._axis_name))
        )
        self._rows += 1
        if step is None or not np.isfinite(step):
            self._lost_rows += 1
            return
        for name, column in self._columns.items():
            cell = cells.get(name)
            if cell is None or (isinstance(cell, str) and cell.strip().lower() in _BLANKS):
                continue
            value = _number(cell)
            if value is None:
                _refuse_comma(line, name, str(cell))
                column.reject(line, str(cell))
            else:
                column.steps.append(step)
                column.values.append(value)

    def series(self) -> dict[str, Series]:
        """Return the columns that hold numbers, in the order of their rows."""
        return {
            name: Series.from_arrays(name, np.array(column.steps), np.array(column.values))
            for name, column in self._columns.items()
            if _is_numeric(column)
        }

    def notes(self) -> list[str]:
        """Say what was left out."""
        notes: list[str] = []
        texts = [n for n, c in self._columns.items() if c.unreadable and not _is_numeric(c)]
        if texts:
            notes.append(f"Columns without numbers were ignored: {', '.join(texts[:10])}.")
        if self._lost_rows:
            notes.append(
                f"{self._lost_rows} rows were ignored: their {self._axis_name!r} is no number."
            )
        notes += [
            f"{column.unreadable} cells of {name!r} are no numbers and were skipped, "
            f"such as {', '.join(column.examples)}."
            for name, column in self._columns.items()
            if column.unreadable and _is_numeric(column)
        ]
        return notes


def _is_numeric(column: _Column) -> bool:
    return len(column.values) > column.unreadable


def _number(cell: Cell) -> float | None:
    try:
        return None if cell is None or isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def _refuse_comma(line: int, name: str, cell: str) -> None:
    if "," in cell and _number(cell.replace(",", "")) is not None:
        raise HistoryFormatError(
            f"Line {line}, column {name!r}: {cell[:40]!r} is written with a comma. "
            "Write numbers without thousands separators and with a decimal point, as 1234.5."
        )
