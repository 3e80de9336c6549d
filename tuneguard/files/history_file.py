"""From a file to a history, without MLflow: what trainers and people write."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.csv_history import read_csv
from tuneguard.files.file_content import FileContent
from tuneguard.files.json_history import read_json
from tuneguard.history import RunHistory, RunIdentity

MAX_JSON_BYTES: Final = 1 << 30

_EXPECTED = "Expected CSV with a header, or JSON."
_SIGNATURES: Final = {
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"PK\x03\x04": "a zip archive (or a spreadsheet or a checkpoint)",
    b"PAR1": "a Parquet file",
    b"\x80": "a Python pickle",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a picture",
}


def read_history_file(path: str | Path, roles: Mapping[str, str] | None = None) -> RunHistory:
    """Read a training history from a CSV or JSON file.

    Args:
        path: The file; its content decides what it is, not its name.
        roles: Role name to series name, where the name does not tell.

    Raises:
        HistoryFormatError: The file is not there or holds no history that can be read; the
            message says what was found and what is expected.
    """
    file = Path(path)
    try:
        content = _read(file)
    except HistoryFormatError as error:
        raise HistoryFormatError(f"{file}: {error}") from error
    except UnicodeDecodeError as error:
        raise HistoryFormatError(
            f"{file} is not UTF-8 text ({error.reason}). {_EXPECTED}"
        ) from error
    except OSError as error:
        raise HistoryFormatError(f"{file} cannot be read: {error.strerror or error}.") from error
    return RunHistory.from_series(
        content.series,
        params=content.params,
        roles=roles,
        axis=content.axis,
        status=content.status,
        planned_steps=content.planned_steps,
        source="file",
        notes=content.notes,
        identity=RunIdentity(name=file.name),
    )


def _read(file: Path) -> FileContent:
    if file.is_dir():
        raise HistoryFormatError(f"This is a folder. {_EXPECTED}")
    with file.open(encoding=_encoding(file), newline="") as text:
        start = text.read(4096)
        text.seek(0)
        if start.lstrip()[:1] not in {"{", "["}:
            return read_csv(text)
        if file.stat().st_size > MAX_JSON_BYTES:
            raise HistoryFormatError("JSON of more than 1 GiB is not read: write it as CSV.")
        return read_json(text.read())


def _encoding(file: Path) -> str:
    """Find out how the text is encoded, and that it is text."""
    with file.open("rb") as binary:
        start = binary.read(4096)
    if not start.strip():
        raise HistoryFormatError(f"The file is empty. {_EXPECTED}")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    found = next((what for mark, what in _SIGNATURES.items() if start.startswith(mark)), None)
    if found or b"\0" in start:
        raise HistoryFormatError(f"This is {found or 'a binary file'}. {_EXPECTED}")
    return "utf-8-sig"
