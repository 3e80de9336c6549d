"""A hash of all that a training follows from, so that a change trains anew what it concerns.

A setup is made of functions: the hash covers their code, what they close over, what of this
package they refer to, and every plain value. One program or fault that is changed leaves the
others as they are, whatever file they share.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch

from benchmarks.error_rates.plan import RunSpec, setup_of
from benchmarks.error_rates.source_digests import code_digest, digest_of

_HERE = Path(__file__).parent
_PACKAGE = __package__
_LOOP = tuple(_HERE / name for name in ("setup.py", "training.py", "in_memory.py"))


def recipe_digest(spec: RunSpec) -> str:
    """Return a hash of a run, but for the recorder that watches it."""
    told = "\n".join(_Description().of(setup_of(spec)))
    return digest_of(f"{spec!r} {code_digest(_LOOP)} {told}")


@functools.cache
def recorder_digest() -> str:
    """Return a hash of the code that decides what is recorded."""
    package = _HERE.parent.parent / "tuneguard"
    return code_digest([package / "recording", package / "spool" / "columns.py"])[:8]


class _Description:
    """Describes a value and all that it refers to, each thing once."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def of(self, value: object) -> Iterator[str]:
        if isinstance(value, FunctionType | MethodType | functools.partial | type):
            yield from self._of_callable(value)
        elif isinstance(value, Mapping):
            for key, one in value.items():
                yield repr(key)
                yield from self.of(one)
        elif isinstance(value, tuple | list):
            for one in value:
                yield from self.of(one)
        elif isinstance(value, torch.Tensor | np.ndarray):
            yield digest_of(repr(value.tolist()))
        elif is_dataclass(value) and not isinstance(value, type):
            yield type(value).__qualname__
            for field in fields(value):
                yield field.name
                yield from self.of(getattr(value, field.name))
        elif value is None or isinstance(value, bool | int | float | str | bytes):
            yield repr(value)
        else:
            yield type(value).__qualname__

    def _of_callable(
        self, value: FunctionType | MethodType | functools.partial[Any] | type
    ) -> Iterator[str]:
        if isinstance(value, functools.partial):
            yield from self.of((value.func, value.args, value.keywords))
            return
        if isinstance(value, MethodType):
            yield from self.of((value.__func__, value.__self__))
            return
        yield f"{value.__module__}.{value.__qualname__}"
        if id(value) in self._seen or not value.__module__.startswith(_PACKAGE):
            return
        self._seen.add(id(value))
        if isinstance(value, type):
            yield from self.of((value.__bases__, [*vars(value).values()]))
        else:
            yield from self._of_function(value)

    def _of_function(self, function: FunctionType) -> Iterator[str]:
        yield from self._of_code(function.__code__, function.__globals__)
        yield from self.of((function.__defaults__, function.__kwdefaults__))
        yield from self.of([cell.cell_contents for cell in function.__closure__ or ()])

    def _of_code(self, code: CodeType, known: Mapping[str, object]) -> Iterator[str]:
        yield code.co_code.hex()
        for name in code.co_names:
            yield name
            yield from self.of(known.get(name))
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._of_code(constant, known)
            else:
                yield repr(constant)
