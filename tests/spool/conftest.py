from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneguard.spool.manifest import Manifest
from tuneguard.spool.spool_folder import Spool, Ticket


@pytest.fixture
def spool(spool_root: Path) -> Iterator[Spool]:
    spool = Spool.create(spool_root, Ticket("sqlite:///x.db", "run"), Manifest("recorder"))
    yield spool
    spool.release()
