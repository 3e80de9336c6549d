"""The table of contents of one recorder's record."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from tuneguard.exceptions import HistoryFormatError

FORMAT = 1
_PART_NAME = re.compile(r"part-\d{5,}\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of a record.

    Attributes:
        name: File name, beside the manifest.
        rows: Number of measured values in it.
        bytes: Its size.
        sha256: Hash of its content, in hexadecimal.
    """

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a recorder kept of a run; parts that it does not list do not count.

    Attributes:
        recorder: Id of the recorder; ids sort by the time at which recording started.
        parts: The parts in the order in which they were written.
        layers: Names of the model's layers, from input to output.
        params: Hyper-parameters that the optimizer and the model reveal.
        higher_is_better: Direction of metrics, from the user.
        planned_steps: How many optimizer steps were planned, where known.
        charted_keys: Keys of the metrics table that this recorder writes and nobody else.
        steps: How many optimizer steps were recorded so far.
        dropped: How many values were lost because nothing could take them.
        complete: Whether recording has ended.
        beside: Its number among the recorders that were at work when it started; the first is 0.
        rank: Which of the processes that train together recorded this; the first is 0.
        world_size: How many processes train together.
        is_sharded: Whether the parameters are spread over the ranks, so that norms are of shards.
        leader: Id of the recorder of rank 0, where this is another rank's and knows it.
    """

    recorder: str
    parts: tuple[Part, ...] = ()
    layers: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    higher_is_better: Mapping[str, bool] = field(default_factory=dict)
    planned_steps: int | None = None
    charted_keys: tuple[str, ...] = ()
    steps: int = 0
    dropped: int = 0
    complete: bool = False
    beside: int = 0
    rank: int = 0
    world_size: int = 1
    is_sharded: bool = False
    leader: str = ""

    @property
    def prefix(self) -> str:
        """What the keys of a recorder that started beside another begin with.

        >>> Manifest("first").prefix, Manifest("second", beside=1).prefix
        ('', 'recorder-2/')
        """
        return f"recorder-{self.beside + 1}/" if self.beside else ""

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.bytes for part in self.parts)

    @property
    def bytes_per_step(self) -> float:
        """What a recorded step costs in the artifact store."""
        return self.size / self.steps if self.steps else 0.0

    def to_json(self) -> str:
        """Return the manifest as a JSON document."""
        document = {
            "format": FORMAT,
            **asdict(self),
            "bytes_per_step": round(self.bytes_per_step, 2),
        }
        return json.dumps(document, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest.

        Raises:
            HistoryFormatError: The text is no manifest, of a later format, or names a part in
                a way that no recorder does.
        """
        try:
            document = json.loads(text)
            if document["format"] > FORMAT:
                raise HistoryFormatError(
                    "The record was written by a later version of tuneguard: update this one."
                )
            return _from_document(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise HistoryFormatError(f"The record's manifest cannot be read: {error}.") from error

    def with_part(self, part: Part) -> Manifest:
        """Return the manifest with one more part, in the order of their names."""
        return replace(self, parts=tuple(sorted((*self.parts, part), key=lambda one: one.name)))


def new_recorder_id(started: datetime | None = None, rank: int = 0) -> str:
    """Return an id that sorts by the time at which recording started.

    >>> new_recorder_id(datetime(2026, 5, 1, 12, tzinfo=timezone.utc))[:20]
    '20260501T120000.000Z'
    >>> new_recorder_id(rank=3)[-7:]
    '-rank-3'
    """
    moment = (started or datetime.now(timezone.utc)).astimezone(timezone.utc)
    stamp = f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z"
    of_rank = f"-rank-{rank}" if rank else ""
    return f"{stamp}-{secrets.token_hex(3)}{of_rank}"


def _from_document(document: Mapping[str, Any]) -> Manifest:
    parts = tuple(
        Part(_checked_name(part["name"]), int(part["rows"]), int(part["bytes"]), part["sha256"])
        for part in document["parts"]
    )
    planned = document["planned_steps"]
    return Manifest(
        recorder=str(document["recorder"]),
        parts=parts,
        layers=tuple(str(layer) for layer in document["layers"]),
        params={str(name): str(value) for name, value in document["params"].items()},
        higher_is_better={
            str(name): bool(value) for name, value in document["higher_is_better"].items()
        },
        planned_steps=None if planned is None else int(planned),
        charted_keys=tuple(str(key) for key in document["charted_keys"]),
        steps=int(document["steps"]),
        dropped=int(document["dropped"]),
        complete=bool(document["complete"]),
        beside=int(document.get("beside", 0)),
        rank=int(document.get("rank", 0)),
        world_size=int(document.get("world_size", 1)),
        is_sharded=bool(document.get("is_sharded", False)),
        leader=str(document.get("leader", "")),
    )


def _checked_name(name: str) -> str:
    if not _PART_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a part")
    return name
