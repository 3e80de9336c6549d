"""What the training loop calls: a failure of ours is logged once and goes no further."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import torch

_Arguments = ParamSpec("_Arguments")

_logger = logging.getLogger("tuneguard.recording")


class Guarded(Protocol):
    """What a method needs to be unbreakable.

    Attributes:
        process: Id of the process that records; in a forked child nothing happens.
        failed: Names of the methods that have failed already.
    """

    process: int
    failed: set[str]


_Owner = TypeVar("_Owner", bound=Guarded)


def unbreakable(
    method: Callable[Concatenate[_Owner, _Arguments], None],
) -> Callable[Concatenate[_Owner, _Arguments], None]:
    """Make a method return instead of raising, and do nothing in a forked child.

    Where `torch.compile` meets a call of it, the call stays out of the graph.
    """

    def attempt(self: _Owner, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        if os.getpid() != self.process:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            name = method.__name__
            if name not in self.failed:
                self.failed.add(name)
                _logger.warning(
                    "%s failed; training goes on, but the record has gaps: %r",
                    name.strip("_"),
                    error,
                    exc_info=_logger.isEnabledFor(logging.DEBUG),
                )

    @functools.wraps(method)
    def guarded(self: _Owner, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        if torch.compiler.is_compiling():
            # that may be another thread's compiling, which goes on while this one is at work
            torch.compiler.disable(attempt)(self, *args, **kwargs)  # type: ignore[no-untyped-call] # torch has no types for it
        else:
            attempt(self, *args, **kwargs)

    return guarded
