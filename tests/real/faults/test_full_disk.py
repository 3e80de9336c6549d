"""The disk of the spool takes nothing: the kernel refuses each write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tuneguard.storage.sync import sync

FULL_FOR_A_WHILE = """
import resource
training = new_training()
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
with TuneGuardCallback(*training, flush_every=5, run_id="{run_id}") as guard:
    train(guard, training, 20, pause=0.02)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, unlimited[1]))
    train(guard, training, 20, pause=0.02)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    train(guard, training, 20, pause=0.02)
"""

NO_DISK_AND_NO_SERVER = """
import logging.handlers, resource, sys
heard = logging.handlers.BufferingHandler(1000)
logging.getLogger("tuneguard").addHandler(heard)
training = new_training()
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
with TuneGuardCallback(*training, flush_every=5, run_id="{run_id}") as guard:
    train(guard, training, 20, pause=0.02)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, unlimited[1]))
    train(guard, training, 20, pause=0.02)
# standard error is a file too
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
for record in heard.buffer:
    print(record.getMessage(), file=sys.stderr)
"""

NO_ROOM_IN_MEMORY = """
import resource
from tuneguard.spool import held_parts, record_writer
held_parts.HELD_BYTES, record_writer.HELD_ROWS = 0, 1
training = new_training()
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
with TuneGuardCallback(*training, flush_every=5, run_id="{run_id}") as guard:
    train(guard, training, 20, pause=0.02)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, unlimited[1]))
    train(guard, training, 20, pause=0.02)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
"""

SPOOL_FULL = """
from pathlib import Path
training = new_training()
with TuneGuardCallback(*training, flush_every=5, run_id="{run_id}") as guard:
    folder, = Path({root!r}).iterdir()
    names = ["outbox.jsonl", "manifest.json.unfinished", "run.json.unfinished"]
    names += [f"segment-{{n:05d}}.arrow" for n in range(1, 9)]
    for name in names:
        (folder / name).symlink_to("/dev/full")
    train(guard, training, 40, pause=0.02)
"""


def test_a_disk_that_is_full_for_a_while_costs_nothing(
    start: Any, kept: Any, new_run: str, spool_root: Path
) -> None:
    training = start(FULL_FOR_A_WHILE.format(run_id=new_run))
    assert training.end() == 0
    found = kept(new_run)
    assert found.charted == found.recorded == list(range(60))
    assert "tuneguard.dropped" not in found.tags
    assert not list(spool_root.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_spool_costs_nothing_while_the_server_is_there(
    start: Any, kept: Any, new_run: str, spool_root: Path
) -> None:
    training = start(SPOOL_FULL.format(run_id=new_run, root=str(spool_root)))
    assert training.end() == 0
    assert training.printed.count("No space left on device") == 1
    found = kept(new_run)
    assert found.charted == found.recorded == list(range(40))
    assert not list(spool_root.iterdir())


def test_what_neither_disk_nor_server_takes_is_counted_and_said(
    server: Any, start: Any, kept: Any, new_run: str, spool_root: Path
) -> None:
    training = start(NO_DISK_AND_NO_SERVER.format(run_id=new_run), "http://127.0.0.1:9")
    assert training.end() == 0
    said = re.findall(r"^(\d+) measured values could not be kept", training.printed, re.MULTILINE)
    assert len(said) == 1
    assert int(said[0]) >= 20
    assert training.printed.count("could not be kept") <= 2
    assert [one.outcome for one in sync(spool_root, server.uri)] == ["delivered"]
    found = kept(new_run)
    for lasting in (found.charted, found.recorded):
        # the packet that was being written when the disk filled up may be in one of the two
        assert 15 <= len(lasting) <= 25
        assert lasting == list(range(len(lasting)))


def test_what_was_lost_is_told_to_the_server(start: Any, kept: Any, new_run: str) -> None:
    training = start(NO_ROOM_IN_MEMORY.format(run_id=new_run))
    assert training.end() == 0
    found = kept(new_run)
    assert found.charted == list(range(40))
    lost = 40 - len(found.recorded)
    assert lost >= 10
    assert int(found.tags["tuneguard.dropped"]) >= lost
    assert training.printed.count("measured values could not be kept") == 1
