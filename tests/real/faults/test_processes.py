"""Children of the training, and recorders beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LOADER_WORKERS = """
from torch.utils.data import DataLoader, TensorDataset
training = new_training()
data = TensorDataset(torch.ones(40, 6))
with TuneGuardCallback(*training, run_id="{run_id}") as guard:
    for context in ("fork", "spawn"):
        loader = DataLoader(data, batch_size=4, num_workers=1, multiprocessing_context=context)
        for (batch,) in guard.batches(loader):
            train(guard, training, 1)
say("closed")
"""

FORK = """
import os, sys
training = new_training()
guard = TuneGuardCallback(*training, flush_every=5, run_id="{run_id}")
train(guard, training, 23)
child = os.fork()
if child == 0:
    train(guard, training, 50)
    guard.on_validation_end({{"loss": 1.0}})
    guard.close()
    sys.exit(7)
say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
train(guard, training, 17)
guard.close()
"""

TWO = """
first, second = new_training(), new_training()
with TuneGuardCallback(*first, run_id="{run_id}") as one:
    with TuneGuardCallback(*second, run_id="{run_id}") as other:
        train(one, first, 30)
        train(other, second, 20)
"""


def test_workers_of_a_loader_record_nothing(
    start: Any, kept: Any, new_run: str, spool_root: Path
) -> None:
    training = start(LOADER_WORKERS.format(run_id=new_run))
    training.hear("closed")
    assert training.end() == 0
    found = kept(new_run)
    assert found.charted == found.recorded == list(range(20))
    assert not list(spool_root.iterdir())


def test_a_forked_child_neither_records_nor_closes_nor_hangs(
    start: Any, kept: Any, new_run: str, spool_root: Path
) -> None:
    training = start(FORK.format(run_id=new_run))
    training.hear("7")
    assert training.end() == 0
    found = kept(new_run)
    assert found.charted == found.recorded == list(range(40))
    assert not list(spool_root.iterdir())


def test_two_recorders_of_one_run_keep_out_of_each_others_way(
    start: Any, kept: Any, new_run: str
) -> None:
    training = start(TWO.format(run_id=new_run))
    assert training.end() == 0
    assert training.printed.count("is being recorded already") == 1
    first, second = kept(new_run), kept(new_run, "recorder-2/train/loss")
    assert first.charted == first.recorded == list(range(30))
    assert second.charted == second.recorded == list(range(20))
