"""What makes the host wait for the device, counted without a device.

A loop that trains on the meta device runs every operation, and none of them has a value: what
would read one from an accelerator is either counted here and answered with a zero, or raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ASYNCHRONOUS = "asynchronous copy"
_READS = {"_local_scalar_dense", "equal", "nonzero", "is_nonzero", "masked_select", "bincount"}
_READS |= {"_unique", "_unique2", "unique_dim", "unique_consecutive"}
_INDEXING = {"index", "index_put", "index_put_"}
_COPIES = {"_to_copy", "copy_", "_copy_from", "_copy_from_and_resize"}


class HostReads(TorchDispatchMode):
    """Counts operations that wait for an accelerator, or for the meta device in its place.

    These are the ones at which `torch.cuda.set_sync_debug_mode` raises: values read by the host,
    shapes that depend on values, and copies between host and device that are not asynchronous.
    Only what the thread does that entered the mode is seen.

    Attributes:
        counts: By name of the operation; asynchronous copies apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    @property
    def waits(self) -> int:
        """How many operations would have waited."""
        return sum(count for name, count in self.counts.items() if name != ASYNCHRONOUS)

    def __torch_dispatch__(
        self,
        operation: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        name = operation.overloadpacket.__name__
        if name in _READS and _is_away(args):
            self.counts[name] += 1
            if name in _ANSWERS and args[0].is_meta:
                return _ANSWERS[name](args[0])
        if name in _INDEXING and _is_away(args[:1]) and _has_host_indices(args[1]):
            self.counts[name] += 1
        if name in _COPIES:
            source, target = _ends_of_copy(name, args, given)
            if _crosses(source.device, target):
                is_asynchronous = bool(given.get("non_blocking", False)) or args[2:] == (True,)
                self.counts[ASYNCHRONOUS if is_asynchronous else name] += 1
                if source.is_meta:
                    return _arrived(name, args, given)
        return operation(*args, **given)


class _ListReads(TorchFunctionMode):
    """Counts the elements that `torch.tensor` reads one by one, and the copy that it makes."""

    def __init__(self, reads: HostReads) -> None:
        super().__init__()
        self._reads = reads

    def __torch_function__(
        self,
        function: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if function is torch.tensor and args and not isinstance(args[0], torch.Tensor):
            away = [one for one in tree_leaves(args[0]) if _is_away((one,))]
            self._reads.counts["_local_scalar_dense"] += len(away)
            # it fills a tensor on the host, and copies that
            self._reads.counts["_to_copy"] += _is_not_host((kwargs or {}).get("device"))
            if any(one.is_meta for one in away):
                args = ([0.0] * len(away), *args[1:])
        return function(*args, **(kwargs or {}))


@contextmanager
def counted_reads() -> Iterator[HostReads]:
    """Count what waits for the device inside of the block."""
    reads = HostReads()
    with reads, _ListReads(reads):
        yield reads


_ANSWERS: dict[str, Callable[[torch.Tensor], Any]] = {
    "_local_scalar_dense": lambda tensor: torch.zeros((), dtype=tensor.dtype).tolist(),
    "equal": lambda _: True,
    "is_nonzero": lambda _: False,
    "nonzero": lambda tensor: torch.empty(
        (0, tensor.dim()), dtype=torch.int64, device=tensor.device
    ),
}


def _is_away(args: Sequence[Any]) -> bool:
    return any(isinstance(one, torch.Tensor) and one.device.type != "cpu" for one in args)


def _is_not_host(device: Any) -> bool:
    return device is not None and torch.device(device).type != "cpu"


def _has_host_indices(indices: Sequence[torch.Tensor | None]) -> bool:
    return any(one is not None and one.device.type == "cpu" for one in indices)


def _ends_of_copy(
    name: str, args: tuple[Any, ...], given: Mapping[str, Any]
) -> tuple[torch.Tensor, torch.device]:
    """The tensor that is copied, and the device that it is copied to."""
    if name == "copy_":
        return args[1], args[0].device
    if name == "_to_copy":
        return args[0], torch.device(given.get("device") or args[0].device)
    return args[0], args[1].device


def _crosses(source: torch.device, target: torch.device) -> bool:
    return (source.type == "cpu") != (target.type == "cpu")


def _arrived(name: str, args: tuple[Any, ...], given: Mapping[str, Any]) -> torch.Tensor:
    """What a copy from the meta device leaves on the host: zeros."""
    if name == "copy_":
        target: torch.Tensor = args[0]
        return target.zero_()
    return torch.zeros(args[0].shape, dtype=given.get("dtype") or args[0].dtype)
