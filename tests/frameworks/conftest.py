"""The real frameworks, in trainings of seconds.

`make test-frameworks` runs what is here, with the extra `frameworks`; `make test` does not come
here. What the frameworks warn of among themselves is theirs; what concerns tuneguard is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.frameworks)
            # the last that matches counts
            item.add_marker(pytest.mark.filterwarnings("ignore", "error:::tuneguard"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny models train fastest so, and the same on any machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)
