"""Scalars come out of TensorBoard folders as they were logged; nothing else does."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest

from tuneguard.exceptions import HistoryFormatError
from tuneguard.history import Role
from tuneguard.storage.files import read_history_file

NAME = "events.out.tfevents.1700000000.host.1.0"


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def simple(value: float) -> bytes:
    return varint(2 << 3 | 5) + struct.pack("<f", value)


def tensor(dtype: int, field_number: int, content: bytes) -> bytes:
    return field(8, varint(1 << 3) + varint(dtype) + field(field_number, content))


def event(step: int, tag: str, value: bytes) -> bytes:
    summary = field(1, field(1, tag.encode()) + value)
    message = varint(1 << 3 | 1) + struct.pack("<d", 1.7e9) + varint(2 << 3) + varint(step)
    message += field(5, summary)
    return struct.pack("<Q", len(message)) + b"\0" * 4 + message + b"\0" * 4


def write(folder: Path, *events: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_bytes(b"".join(events))
    return folder


def test_scalars_of_pytorch(tmp_path: Path) -> None:
    losses = [2.0, math.nan, math.inf]
    events = [event(10 * i, "Loss/train", simple(loss)) for i, loss in enumerate(losses)]
    history = read_history_file(write(tmp_path, *events))
    series = history.get(Role.TRAIN_LOSS)
    assert series.steps.tolist() == [0.0, 10.0, 20.0]
    assert [repr(value) for value in series.values.tolist()] == ["2.0", "nan", "inf"]


def test_scalars_of_keras_in_folders(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        events = [
            event(0, "epoch_loss", tensor(1, 4, struct.pack("<f", 2.0))),
            event(1, "epoch_loss", tensor(1, 5, struct.pack("<f", 1.0))),
            event(2, "epoch_loss", tensor(2, 6, struct.pack("<d", 0.5))),
        ]
        write(tmp_path / split, *events)
    history = read_history_file(tmp_path)
    assert history.roles == {
        Role.TRAIN_LOSS: "train/epoch_loss",
        Role.VALIDATION_LOSS: "validation/epoch_loss",
    }
    assert history.get(Role.VALIDATION_LOSS).values.tolist() == [2.0, 1.0, 0.5]


def test_a_single_file_is_read_too(tmp_path: Path) -> None:
    write(tmp_path, event(-1, "loss", simple(1.0)))
    assert read_history_file(tmp_path / NAME).series["loss"].steps.tolist() == [-1.0]


def test_pictures_and_texts_are_passed_over(tmp_path: Path) -> None:
    picture = event(0, "picture", field(4, b"\x89PNG"))
    text = event(0, "text", tensor(7, 8, b"words"))
    many = event(0, "many", tensor(1, 4, struct.pack("<2f", 1.0, 2.0)))
    history = read_history_file(write(tmp_path, picture, text, many, event(0, "loss", simple(1))))
    assert set(history.series) == {"loss"}


def test_an_event_that_is_being_written_ends_the_file(tmp_path: Path) -> None:
    whole, cut = event(0, "loss", simple(1.0)), event(1, "loss", simple(0.5))[:-9]
    assert len(read_history_file(write(tmp_path, whole, cut)).series["loss"]) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no scalars"),
        (b"\xff" * 64, "damaged"),
        (struct.pack("<Q", 3) + b"\0" * 4 + b"\x2a\x7f\x00" + b"\0" * 4, "damaged"),
        (struct.pack("<Q", 12) + b"\0" * 4 + b"\x80" * 12 + b"\0" * 4, "damaged"),
        (struct.pack("<Q", 2) + b"\0" * 4 + b"\x0b\x00" + b"\0" * 4, "damaged"),
    ],
    ids=["empty", "endless event", "field too long", "number too long", "unknown kind"],
)
def test_damaged_files_are_said_to_be(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(HistoryFormatError, match=message):
        read_history_file(write(tmp_path, content))
