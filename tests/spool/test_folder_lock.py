from __future__ import annotations

import os
from pathlib import Path

from tuneguard.spool.folder_lock import is_in_use, lock_folder, unlock


def test_a_forked_child_does_not_hold_the_lock(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)
    assert lock is not None
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(tell, b"1" if lock.closed else b"0")
        os._exit(0)
    assert os.read(ready, 1) == b"1"
    os.waitpid(child, 0)
    assert is_in_use(tmp_path)
    unlock(lock)
    assert not is_in_use(tmp_path)
