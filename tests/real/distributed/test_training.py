"""Trainings on two ranks record what a single process on the same data would."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.spool.manifest import Manifest
from tuneguard.storage.reader import load_run
from tuneguard.storage.record import load_manifests, load_record
from tuneguard.storage.sync import sync

pytestmark = pytest.mark.slow

STEPS = 5
SHARDED = [
    "fsdp",
    "fsdp-clip",
    "fsdp-bf16",
    "fsdp-mixed",
    "older-fsdp",
    "tensor-parallel",
]
REPLICATED = ["ddp", "ddp-accumulation", "fsdp-replicas"]
HALF_PRECISION = 0.05


def test_norms_are_those_of_a_single_process(
    client: MlflowClient, torchrun: Callable[..., None], tmp_path: Path, spool_root: Path
) -> None:
    torchrun(str(tmp_path), *REPLICATED, *SHARDED)
    found = json.loads((tmp_path / "reference.json").read_text())
    # what a busy machine did not let a rank send in its 15 seconds
    assert {result.outcome for result in sync(spool_root)} <= {"delivered"}
    assert not list(spool_root.iterdir())
    for name, training in found.items():
        record = load_record(client, training["run_id"])
        assert record.missing_ranks == ()
        tolerance = HALF_PRECISION if name == "fsdp-bf16" else 1e-4
        for key, values in training["reference"].items():
            steps, recorded = record.points[key]
            assert steps.tolist() == list(range(STEPS)), (name, key)
            np.testing.assert_allclose(recorded, values, rtol=tolerance, err_msg=f"{name} {key}")
        is_sharded = name in SHARDED
        check_what_the_ranks_kept(client, training["run_id"], is_sharded=is_sharded)
        check_that_rank_0_wrote_alone(client, training["run_id"])
        spread = record.points[keys.RANK_LOSS_SPREAD][1]
        assert spread.max() < 1e-6 if name == "tensor-parallel" else spread.min() > 0.0
        charted = client.get_metric_history(training["run_id"], keys.GRADIENT_NORM_GLOBAL)
        reference = training["reference"][keys.GRADIENT_NORM_GLOBAL]
        np.testing.assert_allclose([one.value for one in charted], reference, rtol=tolerance)


def check_what_the_ranks_kept(client: MlflowClient, run_id: str, *, is_sharded: bool) -> None:
    manifests = load_manifests(client, run_id)
    assert sorted((one.rank, one.world_size) for one in manifests) == [(0, 2), (1, 2)]
    assert {one.is_sharded for one in manifests} == {is_sharded}
    points = load_record(client, run_id).points
    assert {keys.RANK_STEP_SKEW, keys.RANK_DATA_WAIT_GAP, keys.RANK_LOSS_SPREAD} <= set(points)
    told = keys_of_rank_1(client, run_id, manifests)
    assert {key for key in told if not key.startswith(keys.SHARD)} == {
        keys.TRAIN_LOSS,
        keys.STEP_SECONDS,
        keys.DATA_WAIT_FRACTION,
        *([] if is_sharded else [keys.GRADIENT_NORM_GLOBAL]),
    }
    if not is_sharded:
        assert points[keys.RANK_GRADIENT_DISAGREEMENT][1].max() < 1e-6


def keys_of_rank_1(client: MlflowClient, run_id: str, manifests: list[Manifest]) -> set[str]:
    (other,) = (one for one in manifests if one.rank == 1)
    (part,) = other.parts
    path = client.download_artifacts(run_id, f"{keys.RECORD}/{other.recorder}/{part.name}")
    return set(pq.read_table(path).column("key").to_pylist())


def check_that_rank_0_wrote_alone(client: MlflowClient, run_id: str) -> None:
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["tuneguard/world_size"] == "2"
    for key in (keys.TRAIN_LOSS, keys.STEP_SECONDS, keys.VALIDATION_LOSS):
        steps = [one.step for one in client.get_metric_history(run_id, key)]
        assert len(steps) == len(set(steps)) > 0
    assert not [key for key in run.data.metrics if key.startswith(keys.SHARD)]
    assert (
        load_run(run_id, client.tracking_uri).roles["gradient_norm"] == keys.GRADIENT_NORM_GLOBAL
    )


@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_is_killed_costs_the_other_nothing(
    client: MlflowClient, run_ranks: Callable[..., list], spool_root: Path, victim: int
) -> None:
    ended = run_ranks("kill", str(victim))
    assert ended[victim].returncode == -signal.SIGKILL
    assert "Connection" in ended[1 - victim].stdout
    # what the victim left, where the survivor has not sent it yet
    assert {result.outcome for result in sync(spool_root)} <= {"delivered"}
    assert not list(spool_root.iterdir())
    experiment = client.get_experiment_by_name("ddp").experiment_id
    (run,) = client.search_runs([experiment])
    record = load_record(client, run.info.run_id)
    assert record.missing_ranks == ()
    assert record.points[keys.TRAIN_LOSS][0].tolist()[:3] == [0, 1, 2]
    assert len(record.points[keys.RANK_LOSS_SPREAD][0]) >= 3
    assert run.info.status == "FAILED"
