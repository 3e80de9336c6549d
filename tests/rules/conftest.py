from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from tuneguard.history import RunHistory


@pytest.fixture(scope="session")
def runs() -> ModuleType:
    """The module beside this one: pytest imports test files without their folder on the path."""
    spec = spec_from_file_location("synthetic_runs", Path(__file__).with_name("runs.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def healthy_runs(runs: ModuleType) -> list[RunHistory]:
    """Three hundred runs with nothing wrong, under noise of every memory from 0 to 0.9."""
    memories = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9)
    return [runs.healthy(seed, memories[seed % 6]).history() for seed in range(300)]
