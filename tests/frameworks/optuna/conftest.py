"""Optuna, on objectives that follow a formula."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

optuna = pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Optuna logs each trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)
