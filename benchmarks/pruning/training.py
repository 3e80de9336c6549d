"""Trains the trials, each once and to its end, and follows them as the callback would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.error_rates.in_memory import MemorySink, recording
from benchmarks.error_rates.training import Loop
from benchmarks.pruning.search import setup_of
from tuneguard import RunHistory, keys
from tuneguard.doom import Doom
from tuneguard.history import Status
from tuneguard.live.live_diagnosis import LiveDiagnosis
from tuneguard.live.run_memory import RunMemory
from tuneguard.spool.columns import Columns

STEP_SECONDS = 5.0
"""How long a step lasts to whoever follows: looks come every half a minute at most."""
_PACKET = 5


@dataclass(frozen=True, slots=True)
class Trained:
    """A trial that was trained to its end.

    Attributes:
        repeat: Which list it belongs to.
        number: Its place in the list.
        params: What was drawn for it.
        steps: Steps after which it was validated.
        losses: Validation losses.
        accuracies: Validation accuracies.
        told_at: Step at which `on_finding` is called with a finding that dooms it, or
            `should_stop` becomes true; `None` where neither happens.
        doom: What dooms it.
    """

    repeat: int
    number: int
    params: dict[str, Any]
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    told_at: float | None = None
    doom: Doom | None = None


def train(repeat: int, number: int, params: dict[str, Any]) -> Trained:
    """Train once, with the recorder watching; the seed is that of the repeat."""
    setup = setup_of(params)
    loop = Loop(setup, repeat)
    with recording(loop, setup) as (guard, sink):
        loop.run(guard)
    by_key = dict(_joined(sink.batches).by_key())
    losses = by_key[keys.VALIDATION_LOSS]
    told_at, doom = _told(sink)
    return Trained(
        repeat,
        number,
        params,
        tuple(int(step) for step in losses.steps),
        tuple(losses.values.tolist()),
        tuple(by_key[f"{keys.VALIDATION}/accuracy"].values.tolist()),
        told_at,
        doom,
    )


def _told(sink: MemorySink) -> tuple[float, Doom] | tuple[None, None]:
    """Follow what was recorded with the callback's own live diagnosis, on a clock of steps."""
    now = 0.0
    manifest = sink.manifest

    def as_history(memory: RunMemory, status: Status) -> RunHistory:
        return RunHistory.from_series(
            memory.series(),
            manifest.params,
            axis="step",
            status=status,
            planned_steps=manifest.planned_steps,
            higher_is_better=manifest.higher_is_better,
            layers=manifest.layers,
            source="record",
        )

    live = LiveDiagnosis(as_history, clock=lambda: now)
    live.pace.is_wanted = True
    columns = _joined(sink.batches)
    for first in range(0, int(columns.steps.max()) + 1, _PACKET):
        part = columns.where((columns.steps >= first) & (columns.steps < first + _PACKET))
        now = (first + _PACKET) * STEP_SECONDS
        live.take(part.keys, part.codes, part.steps, part.values)
        news = live.look_if_due()
        found = () if news is None else news.found
        doom = next((one for one in map(Doom.of, found) if one is not None), None)
        if news is not None and (doom is not None or news.is_hopeless):
            return news.step, doom or Doom.of_callback()
    return None, None


def _joined(batches: list[Columns]) -> Columns:
    """Return batches as one, in the order of their steps."""
    names = tuple(dict.fromkeys(key for batch in batches for key in batch.keys))
    code = {name: position for position, name in enumerate(names)}
    codes = [
        np.array([code[key] for key in one.keys], dtype=np.int32)[one.codes] for one in batches
    ]
    steps = np.concatenate([one.steps for one in batches])
    order = np.argsort(steps, kind="stable")
    return Columns(
        names,
        np.concatenate(codes)[order],
        steps[order],
        np.concatenate([one.timestamps for one in batches])[order],
        np.concatenate([one.values for one in batches])[order],
    )
