"""What was measured at several steps, fetched and unpacked together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tuneguard.recording.device_copy import DeviceCopy
from tuneguard.recording.loss_watch import LossWatch
from tuneguard.recording.piece import Piece, joined
from tuneguard.recording.sample_reader import SampleReader
from tuneguard.recording.samples import Sample
from tuneguard.recording.step_rows import NamesOfRates, StepRows
from tuneguard.spool.columns import Columns

TakenSample = tuple[Sample, float, DeviceCopy]
"""A sample, its moment in seconds of `time.perf_counter`, and its copy on the way."""


class StepPacket:
    """Steps whose values are on their way to the host.

    Args:
        rows: What is recorded of every step.
        samples: What was sampled at some, in the order of their steps.
        reader: What turns samples into values; used on the writer's thread only.
        names_of_rates: The keys of the learning rates, from their number.
        watch: What is to look at the values.
    """

    def __init__(
        self,
        rows: StepRows,
        samples: Sequence[TakenSample],
        reader: SampleReader,
        names_of_rates: NamesOfRates,
        watch: LossWatch,
    ) -> None:
        self._rows = rows
        self._samples = samples
        self._reader = reader
        self._names_of_rates = names_of_rates
        self._watch = watch
        self._copy = DeviceCopy(rows.tensors())

    @property
    def size(self) -> int:
        """About how many values there are: a sample counts once a parameter."""
        return len(self._rows) + sum(len(sample.gradient_of) for sample, *_ in self._samples)

    def columns(self) -> Columns:
        """Return the values by metric key, waiting for the device."""
        columns = joined(self._pieces())
        self._watch.take(columns)
        return columns

    def _pieces(self) -> Iterator[Piece]:
        yield from self._rows.pieces(iter(self._copy.read()), self._names_of_rates)
        moments = [moment for _, moment, _ in self._samples]
        fetched = [sample.fetched(iter(copy.read())) for sample, _, copy in self._samples]
        steps = (sample.step for sample in fetched)
        stamps = dict(zip(steps, self._rows.stamps(moments).tolist(), strict=True))
        for found in self._reader.read(fetched):
            yield Piece(
                found.keys,
                np.array(found.steps, dtype=np.int64),
                np.array([stamps[step] for step in found.steps], dtype=np.int64),
                found.values,
            )
