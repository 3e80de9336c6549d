"""From a file or a folder to a history, without MLflow: what trainers and people write."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, TextIO, cast

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.csv_history import read_csv
from tuneguard.files.event_files import read_events
from tuneguard.files.file_content import FileContent
from tuneguard.files.json_history import read_json
from tuneguard.files.json_lines import is_json_lines, read_json_lines
from tuneguard.files.run_settings import read_settings
from tuneguard.files.sources import Source, find_source
from tuneguard.history import RunHistory, RunIdentity

MAX_JSON_CHARACTERS: Final = 1 << 27
"""A longer JSON document is refused; CSV and JSON lines may have any length."""

_EXPECTED = "Expected CSV with a header, JSON, or a folder that a framework wrote."
_GZIP: Final = b"\x1f\x8b"
_SIGNATURES: Final = {
    b"PK\x03\x04": "a zip archive (or a spreadsheet or a checkpoint)",
    b"PAR1": "a Parquet file",
    b"\x80": "a Python pickle",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a picture",
}


def read_history_file(path: str | Path, roles: Mapping[str, str] | None = None) -> RunHistory:
    """Read a training history from what a framework or a person wrote.

    Args:
        path: A file, whose content decides what it is and not its name; or a folder of Lightning,
            Ultralytics, the Hugging Face Trainer or TensorBoard.
        roles: Role name to series name, where the name does not tell.

    Raises:
        HistoryFormatError: It is not there or holds no history that can be read; the message says
            what was found and what is expected.
        MissingExtraError: It holds events of TensorBoard, whose reader is not installed.
    """
    place = Path(path)
    try:
        content = _with_settings(find_source(place))
    except HistoryFormatError as error:
        raise HistoryFormatError(f"{place}: {error}") from error
    except UnicodeDecodeError as error:
        raise HistoryFormatError(
            f"{place} is not UTF-8 text ({error.reason}): save it as UTF-8. {_EXPECTED}"
        ) from error
    except (EOFError, gzip.BadGzipFile) as error:
        raise HistoryFormatError(
            f"{place}: the gzip archive is damaged ({error}). Unpack what can be unpacked with "
            "gzip -dc, and diagnose that."
        ) from error
    except OSError as error:
        raise HistoryFormatError(f"{place} cannot be read: {error.strerror or error}.") from error
    return RunHistory.from_series(
        content.series,
        params=content.params,
        roles=roles,
        axis=content.axis,
        status=content.status,
        planned_steps=content.planned_steps,
        source="file",
        notes=content.notes,
        identity=RunIdentity(name=place.name or str(place)),
    )


def _with_settings(source: Source) -> FileContent:
    content = read_events(source) if source.kind == "events" else _read_text(source.files[0])
    if source.settings is None:
        return content
    settings, problems = read_settings(source.settings)
    return replace(
        content, params={**settings, **content.params}, notes=[*content.notes, *problems]
    )


def _read_text(file: Path) -> FileContent:
    with _opened(file) as binary:
        start = binary.read(4096)
        binary.seek(0)
        with io.TextIOWrapper(binary, encoding=_encoding(start), newline="") as text:
            return _read_characters(text)


def _opened(file: Path) -> BinaryIO:
    with file.open("rb") as binary:
        is_packed = binary.read(2) == _GZIP
    return cast("BinaryIO", gzip.open(file)) if is_packed else file.open("rb")


def _read_characters(text: TextIO) -> FileContent:
    start = text.read(4096).lstrip()
    text.seek(0)
    if start[:1] not in {"{", "["}:
        return read_csv(text)
    if is_json_lines(text):
        return read_json_lines(text)
    document = text.read(MAX_JSON_CHARACTERS + 1)
    if len(document) > MAX_JSON_CHARACTERS:
        raise HistoryFormatError(
            f"A JSON document of more than {MAX_JSON_CHARACTERS >> 20} MiB is not read, as it "
            "would fill the memory. Write it as CSV or as JSON lines, which are read row by row, "
            "or keep every tenth step."
        )
    return read_json(document)


def _encoding(start: bytes) -> str:
    """Find out from the first bytes how text is encoded, and that it is text."""
    if not start.strip():
        raise HistoryFormatError(f"The file is empty. {_EXPECTED}")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    found = next((what for mark, what in _SIGNATURES.items() if start.startswith(mark)), None)
    if found is None and b"\0" in start:
        halves = start[1:200:2].strip(b"\0"), start[0:200:2].strip(b"\0")
        if b"" in halves:
            return "utf-16-le" if not halves[0] else "utf-16-be"
    if found or b"\0" in start:
        raise HistoryFormatError(f"This is {found or 'a binary file'}. {_EXPECTED}")
    return "utf-8-sig"
