"""Runs made of nothing but numbers: one of a million steps, and thousands of small ones."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest
from tuneguard.spool.part_files import write_part

STEPS = 1_000_000
LAYERS = tuple(f"layer{i}" for i in range(8))
LEAP = STEPS // 3
FIRST_BAD = 9 * STEPS // 10
_STRIDE = 50
_PART_STEPS = 250_000
_START = 1_700_000_000_000


def loss_of(steps: NDArray[np.int64], seed: int = 0) -> NDArray[np.float64]:
    """Return the loss of a healthy training at each of `steps`."""
    generator = np.random.default_rng(seed)
    noise = 0.02 * generator.standard_normal(len(steps))
    falling: NDArray[np.float64] = 0.3 + 2.0 * np.exp(-steps / (0.2 * STEPS)) + noise
    return falling


def add_recorded_run(client: MlflowClient, experiment_id: str) -> str:
    """Store a finished run of a million steps with its full record, as the callback leaves it.

    Loss, learning rate and step time are of every step, norms of eight layers and updates of
    pairs of steps, validations of every thousandth.
    """
    run_id = str(client.create_run(experiment_id, run_name="recorded").info.run_id)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "recorder"
        folder.mkdir()
        manifest = Manifest("recorder", layers=LAYERS, steps=STEPS, planned_steps=STEPS)
        for number, first in enumerate(range(0, STEPS, _PART_STEPS), start=1):
            path = folder / f"part-{number:05d}.parquet"
            manifest = manifest.with_part(write_part(_part(first, first + _PART_STEPS), path))
        (folder / keys.MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        client.log_artifacts(run_id, str(folder), f"{keys.RECORD}/recorder")
    charted = np.arange(0, STEPS, STEPS // 5000)
    add_points(client, run_id, keys.TRAIN_LOSS, charted, loss_of(charted))
    add_points(client, run_id, f"{keys.TRAIN_LOSS}/max", charted, loss_of(charted))
    client.set_terminated(run_id)
    return run_id


def _part(first: int, end: int) -> Columns:
    every = np.arange(first, end, dtype=np.int64)
    pairs = every[every % _STRIDE < 2]
    noise = np.random.default_rng(first)
    columns = {
        keys.TRAIN_LOSS: (every, loss_of(every, first)),
        f"{keys.LEARNING_RATE}/0": (every, 1e-3 * 0.5 * (1 + np.cos(np.pi * every / STEPS))),
        keys.STEP_SECONDS: (every, 0.01 + 0.001 * noise.random(len(every))),
        keys.UPDATE_RATIO_GLOBAL: (pairs, 1e-3 * np.exp(0.1 * noise.standard_normal(len(pairs)))),
        keys.VALIDATION_LOSS: (every[::1000], loss_of(every[::1000], first + 1) + 0.05),
    }
    for layer in (keys.GLOBAL, *LAYERS):
        norms = np.exp(0.2 * noise.standard_normal(len(pairs)))
        columns[f"{keys.GRADIENT_NORM}/{layer}"] = (pairs, norms)
    names = tuple(columns)
    lengths = [len(steps) for steps, _ in columns.values()]
    steps = np.concatenate([steps for steps, _ in columns.values()])
    return Columns(
        names,
        np.repeat(np.arange(len(names), dtype=np.int32), lengths),
        steps,
        _START + 10 * steps,
        np.concatenate([values for _, values in columns.values()]),
    )


def add_foreign_run(client: MlflowClient, experiment_id: str, database: Path) -> str:
    """Store a finished run with a million points of one metric, as a plain loop logs them.

    The loss leaps to another level at a third of the way, and is NaN from nine tenths on. The
    rows go straight into the SQLite database: logging them would take minutes.
    """
    run_id = str(client.create_run(experiment_id, run_name="foreign").info.run_id)
    steps = np.arange(STEPS)
    values = loss_of(steps)
    values[LEAP:] += 0.5
    rows = [
        ("loss", 0.0 if x >= FIRST_BAD else y, _START + 10 * x, run_id, x, x >= FIRST_BAD)
        for x, y in zip(steps[:-1].tolist(), values[:-1].tolist(), strict=True)
    ]
    with closing(sqlite3.connect(database)) as connection, connection:
        columns = "(key, value, timestamp, run_uuid, step, is_nan)"
        connection.executemany(f"INSERT INTO metrics {columns} VALUES (?, ?, ?, ?, ?, ?)", rows)
    client.log_metric(run_id, "loss", np.nan, _START + 10 * (STEPS - 1), STEPS - 1)
    client.set_terminated(run_id)
    return run_id


def add_points(
    client: MlflowClient,
    run_id: str,
    key: str,
    steps: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    """Log a series in batches."""
    for first in range(0, len(steps), 1000):
        part = slice(first, first + 1000)
        pairs = zip(steps[part].tolist(), values[part].tolist(), strict=True)
        client.log_batch(run_id, metrics=[Metric(key, y, _START + 10 * x, x) for x, y in pairs])


def add_small_run(client: MlflowClient, experiment_id: str, number: int) -> str:
    """Store one of many finished runs: 200 steps, twenty validations, one in five of them sick."""
    run_id = str(client.create_run(experiment_id, run_name=f"run-{number}").info.run_id)
    generator = np.random.default_rng(number)
    now = int(time.time() * 1000)
    losses = 0.3 + 2.0 * np.exp(-np.arange(200) / 40.0) + 0.02 * generator.standard_normal(200)
    if number % 5 == 0:
        losses[120:] += 1.1 ** np.arange(80)
    validation = losses[9::10] + 0.05
    points = [Metric("train_loss", y, now + x, x) for x, y in enumerate(losses.tolist())]
    points += [
        Metric("val_loss", y, now + 10 * x, 10 * x + 9) for x, y in enumerate(validation.tolist())
    ]
    params = [Param("learning_rate", "0.001"), Param("batch_size", "64")]
    client.log_batch(run_id, metrics=points, params=params)
    client.set_terminated(run_id)
    return run_id
