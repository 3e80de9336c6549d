"""What was recorded of each training, kept so that nothing is trained twice."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.error_rates.in_memory import MemorySink
from benchmarks.error_rates.plan import RunSpec
from benchmarks.error_rates.recipes import recipe_digest, recorder_digest
from benchmarks.error_rates.training import Ended
from tuneguard.spool.columns import SCHEMA, STEP, TIMESTAMP, Columns

FOLDER_VARIABLE = "TUNEGUARD_BENCHMARK_CACHE"
MILLISECONDS_A_STEP = 500
"""Timestamps are not kept: a step is taken to last so long, whatever the machine was busy with."""
_ABOUT = b"about"
_PARQUET_END = b"PAR1"


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of a training.

    Attributes:
        spec: Which training.
        columns: Everything recorded, in the order in which it was.
        layers: Names of the model's layers, from input to output.
        params: Settings that the recorder found out.
        higher_is_better: Direction of metrics.
        planned_steps: How many optimizer steps were planned.
        ended: What became of it.
    """

    spec: RunSpec
    columns: Columns
    layers: tuple[str, ...]
    params: Mapping[str, str]
    higher_is_better: Mapping[str, bool]
    planned_steps: int | None
    ended: Ended

    @classmethod
    def of_sink(cls, spec: RunSpec, sink: MemorySink, ended: Ended) -> Kept:
        """Take what a recording left in memory."""
        manifest = sink.manifest
        return cls(
            spec,
            evenly_timed(_joined(sink.batches)),
            manifest.layers,
            dict(manifest.params),
            dict(manifest.higher_is_better),
            manifest.planned_steps,
            ended,
        )


class Cache:
    """A folder with one Parquet file for each training.

    The name of a file says what the training follows from and which recorder watched it. A file
    is written beside its place and then moved there, so one that is there is whole.

    Args:
        folder: Where; by default `.cache` beside this file, or what `TUNEGUARD_BENCHMARK_CACHE`
            names.
        any_recorder: Whether what another version of the recorder recorded will do as well.
    """

    def __init__(self, folder: Path | None = None, *, any_recorder: bool = False) -> None:
        self.folder = (folder or default_folder()) / "records"
        self._others: dict[str, Path] = {}
        if any_recorder and self.folder.exists():
            found = sorted(self.folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime)
            self._others = {path.name.rsplit(".", 2)[0]: path for path in found}

    def path_of(self, spec: RunSpec) -> Path:
        """Return where the training is kept, or will be."""
        return self.folder / f"{_stem(spec)}.{recorder_digest()}.parquet"

    def find(self, spec: RunSpec) -> Path | None:
        """Return where the training is kept; `None` if it is not."""
        paths = [self.path_of(spec), self._others.get(_stem(spec))]
        return next((path for path in paths if path is not None and _is_whole(path)), None)

    def missing(self, specs: Iterable[RunSpec]) -> list[RunSpec]:
        """Return the trainings that are not kept, in the order given."""
        return [spec for spec in specs if self.find(spec) is None]

    def of_another_recorder(self, specs: Iterable[RunSpec]) -> int:
        """Return for how many trainings the record of another recorder version stands in."""
        return sum(self.find(spec) not in {None, self.path_of(spec)} for spec in specs)

    def save(self, kept: Kept) -> Path:
        """Keep a training."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path_of(kept.spec)
        half_written = path.with_suffix(f".{os.getpid()}.part")
        pq.write_table(_as_table(kept), half_written, compression="zstd", compression_level=9)
        half_written.replace(path)
        return path


def read(path: Path) -> Kept:
    """Read a training back."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[_ABOUT])
    ended = {**about["ended"], "test_losses": tuple(about["ended"]["test_losses"])}
    return Kept(
        RunSpec(**about["spec"]),
        _columns_of(table),
        tuple(about["layers"]),
        about["params"],
        about["higher_is_better"],
        about["planned_steps"],
        Ended(**ended),
    )


def default_folder() -> Path:
    """Return the folder that results are kept in between calls."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(__file__).parent / ".cache"


@functools.cache
def _stem(spec: RunSpec) -> str:
    what = spec.variant if spec.fault is None else f"{spec.fault}-{spec.strength}"
    return f"{spec.program}-{what}-{spec.seed}.{recipe_digest(spec)}"


def _is_whole(path: Path) -> bool:
    """Whether a file is there and ends as Parquet files do."""
    if not path.exists() or path.stat().st_size < len(_PARQUET_END):
        return False
    with path.open("rb") as file:
        file.seek(-len(_PARQUET_END), os.SEEK_END)
        return file.read() == _PARQUET_END


def _joined(batches: Iterable[Columns]) -> Columns:
    table = pa.Table.from_batches([batch.to_arrow() for batch in batches], schema=SCHEMA)
    return Columns.from_arrow(table)


def evenly_timed(columns: Columns) -> Columns:
    """Put each value at the time that its step would have at an even pace."""
    timestamps = columns.steps * MILLISECONDS_A_STEP
    return Columns(columns.keys, columns.codes, columns.steps, timestamps, columns.values)


def _as_table(kept: Kept) -> pa.Table:
    about = {
        "spec": asdict(kept.spec),
        "layers": kept.layers,
        "params": dict(kept.params),
        "higher_is_better": dict(kept.higher_is_better),
        "planned_steps": kept.planned_steps,
        "ended": asdict(kept.ended),
    }
    table = pa.Table.from_batches([kept.columns.to_arrow()]).drop_columns([TIMESTAMP])
    return table.replace_schema_metadata({_ABOUT: json.dumps(about)})


def _columns_of(table: pa.Table) -> Columns:
    steps = np.asarray(table.column(STEP))
    timed = table.append_column(TIMESTAMP, pa.array(steps * MILLISECONDS_A_STEP))
    return Columns.from_arrow(timed.select([*SCHEMA.names]))
