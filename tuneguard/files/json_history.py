"""A training history out of JSON, in the shapes that people and frameworks write."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.file_content import FileContent
from tuneguard.files.kept_points import MAX_POINTS
from tuneguard.files.point_table import PointTable
from tuneguard.files.trainer_state import is_trainer_state, read_trainer_state
from tuneguard.history import Series, Status

_EXPECTED = (
    'Expected {"series": {"train_loss": [[0, 2.3], [1, 2.1]]}, "params": {"lr": 0.1}}, '
    'or {"train_loss": [2.3, 2.1]}, or rows such as [{"step": 0, "train_loss": 2.3}].'
)


def read_json(text: str) -> FileContent:
    """Read a mapping of series, a list of rows, or a `trainer_state.json`.

    Args:
        text: The whole file.

    Raises:
        HistoryFormatError: It is no JSON, or holds no history.
    """
    try:
        document = json.loads(text)
    except RecursionError:
        raise HistoryFormatError(f"The JSON is nested too deeply. {_EXPECTED}") from None
    except json.JSONDecodeError as error:
        is_cut = not text[error.pos :].strip() or error.msg.startswith("Unterminated")
        what = "the file was cut off while it was written" if is_cut else error.msg
        raise HistoryFormatError(
            f"The file begins like JSON, but line {error.lineno} is not: {what}. "
            f"Take an earlier checkpoint, or write it again. {_EXPECTED}"
        ) from error
    return _from_any(document)


def _from_any(document: Any) -> FileContent:
    if isinstance(document, list):
        return _from_rows(document)
    if not isinstance(document, dict):
        raise HistoryFormatError(f"The file holds a JSON {type(document).__name__}. {_EXPECTED}")
    if "series" in document:
        return _from_document(document)
    if is_trainer_state(document):
        return read_trainer_state(document)
    scalars = {k: v for k, v in document.items() if v is None or isinstance(v, str | int | float)}
    lists = {name: values for name, values in document.items() if name not in scalars}
    return FileContent(_series(lists), params=scalars, notes=_length_notes(lists))


def _from_rows(rows: Sequence[Any]) -> FileContent:
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise HistoryFormatError(f"The list holds no rows with names. {_EXPECTED}")
    names = dict.fromkeys(str(name) for row in rows for name in row)
    table = PointTable(names)
    for number, row in enumerate(rows, start=1):
        table.add_row(number, row)
    series = table.series()
    if not series:
        raise HistoryFormatError(f"No row holds a number. {_EXPECTED}")
    return FileContent(series, axis=table.axis, notes=table.notes())


def _from_document(document: Mapping[str, Any]) -> FileContent:
    params = document.get("params") or {}
    if not isinstance(params, dict):
        raise HistoryFormatError(f"'params' is no mapping of names to values. {_EXPECTED}")
    planned = document.get("planned_steps")
    if planned is not None and not isinstance(planned, int):
        raise HistoryFormatError(f"'planned_steps' is {planned!r}, not a whole number.")
    axes: tuple[Literal["step", "epoch"], ...] = ("step", "epoch")
    return FileContent(
        _series(document["series"]),
        params=params,
        axis=_choice("axis", document.get("axis"), axes),
        status=_choice("status", document.get("status"), get_args(Status)),
        planned_steps=planned,
        notes=_length_notes(document["series"]),
    )


def _choice(name: str, value: Any, choices: tuple[Any, ...]) -> Any:
    if value is None:
        return None
    plain = str(value).lower()
    if plain not in choices:
        raise HistoryFormatError(f"{name!r} is {value!r}; it may be {', '.join(choices)}.")
    return plain


def _series(mapping: Any) -> dict[str, Series]:
    if not isinstance(mapping, dict) or not mapping:
        raise HistoryFormatError(f"The file names no series. {_EXPECTED}")
    return {str(name): _one_series(str(name), points) for name, points in mapping.items()}


def _one_series(name: str, points: Any) -> Series:
    if not isinstance(points, list):
        raise HistoryFormatError(
            f"{name!r} holds a {type(points).__name__} in place of a list of points. {_EXPECTED}"
        )
    pairs = [
        point if isinstance(point, list) else (index, point) for index, point in enumerate(points)
    ]
    odd = next((pair for pair in pairs if len(pair) != 2), None)
    if odd is not None:
        raise HistoryFormatError(f"A point of {name!r} is {str(odd)[:60]}. {_EXPECTED}")
    written = [(x, y) for x, y in pairs if y is not None]
    return Series.from_points(name, written if len(written) <= MAX_POINTS else _thinned(written))


def _thinned(pairs: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Keep one point in a stride, and what is no finite number."""
    stride = -(-len(pairs) // MAX_POINTS)
    return [
        pair for index, pair in enumerate(pairs) if index % stride == 0 or not _is_finite(pair[1])
    ]


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _length_notes(mapping: Any) -> list[str]:
    longest = max(map(len, mapping.values()), default=0)
    note = (
        f"The longest series has {longest:,} points: one in {-(-longest // MAX_POINTS)} was kept, "
        "and NaN and infinity wherever they stand. A spike between two of them is not seen."
    )
    return [note] if longest > MAX_POINTS else []
