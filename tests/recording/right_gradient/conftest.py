from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from tuneguard.recording import TuneGuardCallback, wiring


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """The module beside this one: pytest imports test files without their folder on the path."""
    spec = spec_from_file_location("slow_reference", Path(__file__).with_name("reference.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def record(reference: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Records as a user would, but into memory; yields the callback and the memory."""
    monkeypatch.setattr(wiring, "Sink", reference.Memory)

    @contextmanager
    def recorded(*args: Any, **options: Any) -> Iterator[Any]:
        store = {"run_id": "0", "tracking_uri": "sqlite:///none.db"}
        with TuneGuardCallback(*args, **store, **options) as guard:
            yield guard, guard._sink

    return recorded


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
