"""A Trainer that trains in silence on the processor, into a store of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning as pl
import pytest

from tests.frameworks.lightning.modules import loader
from tuneguard import RunHistory, load_run
from tuneguard.lightning import TuneGuardCallback

Fit = Callable[..., RunHistory]


@pytest.fixture
def trainer(tracking_uri: str) -> Callable[..., pl.Trainer]:
    def new(*callbacks: pl.Callback, **settings: Any) -> pl.Trainer:
        quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
        given = {"max_epochs": 2, "enable_checkpointing": False, **quiet, **settings}
        return pl.Trainer(accelerator="cpu", callbacks=list(callbacks), **given)

    return new


@pytest.fixture
def fit(trainer: Callable[..., pl.Trainer], tracking_uri: str) -> Fit:
    """Train a module, with every step sampled, and read what was recorded."""

    def run(module: pl.LightningModule, *, options: Any = None, **settings: Any) -> RunHistory:
        callback = TuneGuardCallback(budget=1.0, **(options or {}))
        trainer(callback, **settings).fit(module, loader(), loader(seed=1))
        assert callback.run_id is not None
        return load_run(callback.run_id, tracking_uri)

    return run
