"""Which of several processes that train together this one is, and how they hear of each other."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import torch.distributed

_STORE_TIMEOUT = timedelta(seconds=5)
_callbacks: Counter[str] = Counter()

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ranks:
    """The place of this process in the default process group; alone where there is none.

    Attributes:
        rank: Its number; the first is 0.
        world_size: How many processes there are.
    """

    rank: int = 0
    world_size: int = 1


class KeyValueStore(Protocol):
    """What `torch.distributed.Store` offers that never waits for another rank."""

    def set(self, key: str, value: str, /) -> None:
        """Write a value."""

    def check(self, keys: list[str], /) -> bool:
        """Whether all keys have a value."""

    def get(self, key: str, /) -> bytes:
        """Return the value of a key that has one."""

    def multi_get(self, keys: list[str], /) -> list[bytes]:
        """Return the values of keys that have one, where `has_extended_api()`."""


def ranks_here() -> Ranks:
    """Return the place of this process, without entering a collective."""
    if is_initialised():
        return Ranks(torch.distributed.get_rank(), torch.distributed.get_world_size())
    if _announced_world_size() > 1:
        _logger.warning(
            "WORLD_SIZE is %s, but torch.distributed is not initialised yet: each process records "
            "a run of its own. Call init_process_group before the callback is made.",
            os.environ["WORLD_SIZE"],
        )
    return Ranks()


def is_initialised() -> bool:
    """Whether there is a default process group."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def next_topic_prefix(layers: Sequence[str]) -> str:
    """Return what sets a callback apart from others in the store, the same on all ranks.

    Callbacks of the ranks belong together where they are the n-th of a process for a model with
    the same layers.

    >>> first = next_topic_prefix(["in", "out"])
    >>> second, other = next_topic_prefix(["in", "out"]), next_topic_prefix(["alone"])
    >>> [one.rpartition("/")[2] for one in (first, second, other)]
    ['1', '2', '1']
    """
    model = hashlib.sha256("\n".join(layers).encode()).hexdigest()[:16]
    _callbacks[model] += 1
    return f"tuneguard/{model}/{_callbacks[model]}"


def connect_to_store(prefix: str) -> KeyValueStore:
    """Return the key-value store of the default process group, over a connection of our own.

    Where torch gives no connection of our own, the process group's is used: none of the calls
    that are made wait for a key, so the loop never waits for one of them.

    Args:
        prefix: What all keys begin with.

    Raises:
        RuntimeError: There is no process group, or torch does not tell its store.
    """
    get_store = getattr(torch.distributed.distributed_c10d, "_get_default_store", None)
    if get_store is None or not is_initialised():
        raise RuntimeError("the process group has no key-value store that is known")
    store = get_store()
    if hasattr(store, "clone"):
        store = store.clone()
        store.set_timeout(_STORE_TIMEOUT)
    prefixed: KeyValueStore = torch.distributed.PrefixStore(prefix, store)  # type: ignore[attr-defined] # torch has it there
    return prefixed


def _announced_world_size() -> int:
    try:
        return int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError:
        return 1
