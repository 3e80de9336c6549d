"""What a person should know about how a run was read."""

from __future__ import annotations

import time
from collections.abc import Mapping

from mlflow.entities import Run

from tuneguard.history import Series
from tuneguard.storage.metric_histories import latest_points
from tuneguard.storage.record import Record
from tuneguard.storage.recording_line import recording_line
from tuneguard.storage.sampled_points import SAMPLE_SIZE
from tuneguard.storage.written import Written

_SILENCE_SECONDS = 3600.0


def notes_of(
    run: Run,
    record: Record,
    series: Mapping[str, Series],
    histories: Mapping[str, Written],
) -> list[str]:
    """Say what was left out of the reading, and what looks odd about the run.

    Args:
        run: The run.
        record: Its full record, or an empty one.
        series: What the run has, by key.
        histories: The metrics that were read.
    """
    if not series:
        return ["The run has no metrics: there is nothing to judge yet."]
    notes: list[str] = []
    if record.beside:
        notes.append(
            f"{1 + len(record.beside)} recorders were at work at the same time. The first is "
            f"judged; the series of the others begin with {', '.join(record.beside)}."
        )
    if record.missing_ranks and run.info.status != "RUNNING":
        listed = ", ".join(map(str, record.missing_ranks))
        notes.append(
            f"Rank {listed} of the distributed training left no record: norms of sharded "
            "parameters are what rank 0 could add up. Where that machine still has the spool, "
            "send it: tuneguard sync."
        )
    sampled = sorted(key for key, points in histories.items() if points.is_sampled)
    if sampled:
        listed = f"{', '.join(sampled[:5])}{', ...' if len(sampled) > 5 else ''}"
        notes.append(
            f"Of long metrics ({listed}), {SAMPLE_SIZE:,} evenly chosen points each were read, "
            "and every point around what looked odd. What happened between two of them and left "
            "no trace is not seen."
        )
    if not record.points:
        line = recording_line(run.data.metrics, run.data.params, run.data.tags)
        notes += [line] if line is not None else []
    times = [timestamp for _, timestamp in latest_points(run).values()]
    silence = time.time() - max(times, default=run.info.start_time) / 1000
    if run.info.status == "RUNNING" and silence > _SILENCE_SECONDS:
        notes.append(
            f"The run is marked as running, but wrote nothing for {silence / 3600:.0f} hours. "
            "If it was killed, say so: mlflow.MlflowClient().set_terminated"
            f"({run.info.run_id!r}, 'KILLED')."
        )
    return notes
