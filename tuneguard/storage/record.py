"""The full record of a run, read back: everything measured, at full resolution."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.exceptions import HistoryFormatError
from tuneguard.spool.columns import SCHEMA, Columns
from tuneguard.spool.manifest import Manifest, Part
from tuneguard.storage.launches import Launch, launches_of
from tuneguard.storage.rank_parts import Points, across_ranks
from tuneguard.storage.record_listing import (
    RecordListing,
    content_of,
    list_record,
    side_by_side,
)


@dataclass(frozen=True, eq=False)
class Record:
    """Everything that the recorders of one run kept.

    Attributes:
        points: By key, steps of shape `(n,)` and values of shape `(n,)`, in the order in which
            they were written: a recorder that resumed the run comes after the one before it.
            Keys of a recorder that started beside another begin with `recorder-2/` or so.
        layers: Names of the first recorder's layers, from input to output.
        params: Hyper-parameters that its optimizer and model reveal.
        higher_is_better: Direction of metrics, from the user.
        planned_steps: How many optimizer steps were planned, where known.
        size: Bytes of all parts.
        digest: Hash of the manifests; it changes whenever the record does.
        beside: Prefixes of the keys of recorders that were at work beside the first.
        missing_ranks: Ranks of a distributed training that left nothing to read.
    """

    points: Mapping[str, Points] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    higher_is_better: Mapping[str, bool] = field(default_factory=dict)
    planned_steps: int | None = None
    size: int = 0
    digest: str = ""
    beside: tuple[str, ...] = ()
    missing_ranks: tuple[int, ...] = ()


def load_record(client: MlflowClient, run_id: str) -> Record | None:
    """Download and merge what all recorders of a run kept.

    Args:
        client: Client of the tracking store that holds the run.
        run_id: The run.

    Returns:
        The record, or `None` where no recorder was there. While a run goes on, the first part
        may not be there yet; what is known of the model is.

    Raises:
        HistoryFormatError: A manifest cannot be read, or a part is not what its manifest says.
        mlflow.exceptions.MlflowException: The store did not answer.
    """
    listing = list_record(client, client.get_run(run_id))
    return read_record(listing) if listing.manifests else None


def read_record(listing: RecordListing) -> Record:
    """Download and merge the parts that are listed; nothing listed is an empty record.

    Raises:
        HistoryFormatError: A part is not what its manifest says.
        mlflow.exceptions.MlflowException: The store did not answer.
    """

    def read(manifest: Manifest) -> dict[str, Points]:
        path = f"{keys.RECORD}/{manifest.recorder}"
        return _points_of(
            _columns(content_of(listing.artifacts, f"{path}/{part.name}"), part)
            for part in manifest.parts
        )

    kept = side_by_side(read, listing.manifests)
    points = {one.recorder: found for one, found in zip(listing.manifests, kept, strict=True)}
    return _merged(listing, points)


def load_manifests(client: MlflowClient, run_id: str) -> tuple[Manifest, ...]:
    """Return the manifest of each recorder of a run, in order of their start.

    Raises:
        HistoryFormatError: A manifest cannot be read.
        mlflow.exceptions.MlflowException: The store did not answer.
    """
    return list_record(client, client.get_run(run_id)).manifests


def _columns(content: bytes, part: Part) -> Columns:
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise HistoryFormatError(
            f"Part {part.name} of the record is damaged: it is not what its manifest says. "
            "Delete the run's tuneguard/record artifacts to fall back to the charted metrics."
        )
    try:
        return Columns.from_arrow(pq.read_table(pa.BufferReader(content), schema=SCHEMA))
    except (pa.ArrowException, KeyError) as error:
        raise HistoryFormatError(f"Part {part.name} of the record: {error}.") from error


def _points_of(batches: Iterable[Columns]) -> dict[str, Points]:
    pieces: dict[str, list[Columns]] = {}
    for batch in batches:
        for key, columns in batch.by_key():
            pieces.setdefault(key, []).append(columns)
    return {
        key: (
            np.concatenate([piece.steps for piece in found]),
            np.concatenate([piece.values for piece in found]),
        )
        for key, found in pieces.items()
    }


def _merged(listing: RecordListing, kept: Mapping[str, Mapping[str, Points]]) -> Record:
    launches = launches_of(list(listing.manifests))
    leaders = [launch.leader for launch in launches]
    first = [m for m in leaders if not m.beside]
    planned = [m.planned_steps for m in first if m.planned_steps is not None]
    return Record(
        points=_in_succession(_points_of_launch(launch, kept) for launch in launches),
        layers=next((m.layers for m in reversed(first) if m.layers), ()),
        params={name: value for m in first for name, value in m.params.items()},
        higher_is_better={name: up for m in leaders for name, up in m.higher_is_better.items()},
        planned_steps=planned[-1] if planned else None,
        size=listing.size,
        digest=listing.digest,
        beside=tuple(sorted({m.prefix for m in leaders if m.beside})),
        missing_ranks=tuple(sorted({rank for launch in launches for rank in launch.missing})),
    )


def _points_of_launch(
    launch: Launch, kept: Mapping[str, Mapping[str, Points]]
) -> dict[str, Points]:
    found = across_ranks(
        {rank: kept[manifest.recorder] for rank, manifest in launch.ranks.items()},
        launch.leader.world_size,
        is_sharded=launch.leader.is_sharded,
    )
    return {f"{launch.leader.prefix}{key}": points for key, points in found.items()}


def _in_succession(recordings: Iterable[Mapping[str, Points]]) -> dict[str, Points]:
    pieces: dict[str, list[Points]] = {}
    for recording in recordings:
        for key, points in recording.items():
            pieces.setdefault(key, []).append(points)
    return {
        key: (
            np.concatenate([steps for steps, _ in found]),
            np.concatenate([values for _, values in found]),
        )
        for key, found in pieces.items()
    }
