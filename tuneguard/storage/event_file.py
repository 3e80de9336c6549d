"""Scalars out of TensorBoard's event files, without TensorFlow.

An event file is a sequence of framed protocol buffer messages. Only the few fields that carry
scalars are read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from tuneguard.exceptions import HistoryFormatError

_MAX_EVENT_BYTES = 1 << 28
_STEP, _SUMMARY = 2, 5
_VALUE = 1
_TAG, _SIMPLE_VALUE, _TENSOR = 1, 2, 8
_DTYPE, _CONTENT, _FLOATS, _DOUBLES = 1, 4, 5, 6
_FORMATS = {1: "<f", 2: "<d"}
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


class Scalar(NamedTuple):
    """One logged number."""

    tag: str
    step: int
    value: float


def read_scalars(file: BinaryIO) -> Iterator[Scalar]:
    """Read the scalars of an event file in the order in which they were written.

    An event that was cut off ends the file: a run that is going on writes one at any time.

    Args:
        file: The opened file.

    Raises:
        HistoryFormatError: It is no event file.
    """
    try:
        for event in _events(file):
            yield from _scalars(event)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise HistoryFormatError(f"The event file is damaged: {error}.") from error


def _events(file: BinaryIO) -> Iterator[bytes]:
    """Take the frames off: length, checksum, event, checksum."""
    while len(header := file.read(12)) == 12:
        (length,) = struct.unpack_from("<Q", header)
        if length > _MAX_EVENT_BYTES:
            raise HistoryFormatError("The event file is damaged: an event is too long.")
        event = file.read(length)
        if len(event) < length or len(file.read(4)) < 4:
            return
        yield event


def _scalars(event: bytes) -> Iterator[Scalar]:
    step = 0
    summaries: list[bytes] = []
    for number, value in _fields(event):
        if number == _STEP and isinstance(value, int):
            step = value - (1 << 64) if value >> 63 else value
        elif number == _SUMMARY and isinstance(value, bytes):
            summaries.append(value)
    for summary in summaries:
        for number, value in _fields(summary):
            if number == _VALUE and isinstance(value, bytes):
                yield from _one_scalar(value, step)


def _one_scalar(message: bytes, step: int) -> Iterator[Scalar]:
    tag, found = "", None
    for number, value in _fields(message):
        if not isinstance(value, bytes):
            continue
        if number == _TAG:
            tag = value.decode()
        elif number == _SIMPLE_VALUE:
            (found,) = struct.unpack("<f", value)
        elif number == _TENSOR:
            found = _number_in(value)
    if found is not None:
        yield Scalar(tag, step, found)


def _number_in(tensor: bytes) -> float | None:
    """Return the number in a tensor of one, or `None` for pictures, texts and histograms."""
    layout, content = None, b""
    for number, value in _fields(tensor):
        if number == _DTYPE and isinstance(value, int):
            layout = _FORMATS.get(value)
        elif number in {_CONTENT, _FLOATS, _DOUBLES} and isinstance(value, bytes):
            content = value
    if layout is None or len(content) != struct.calcsize(layout):
        return None
    (found,) = struct.unpack(layout, content)
    return float(found)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Split a protocol buffer message into field numbers and raw values."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        elif kind in {_FIXED_32, _FIXED_64}:
            length = 4 if kind == _FIXED_32 else 8
        else:
            raise IndexError(f"field of unknown kind {kind}")
        if at + length > len(message):
            raise IndexError("a field is longer than its message")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError("a number is too long")
