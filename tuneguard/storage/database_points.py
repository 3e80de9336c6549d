"""Metric points straight out of a database: at a fifteenth of the time that its store takes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuneguard.storage.written import Written

MAX_ROWS = 4_000_000
_CHUNK = 50_000
_LOGGER = logging.getLogger(__name__)


def read_from_database(
    store: Any, run_id: str, keys: Collection[str]
) -> dict[str, Written] | None:
    """Read all points of some metrics with one plain query.

    Args:
        store: MLflow's store of a database.
        run_id: The run.
        keys: The metrics.

    Returns:
        The points by key, or `None` where they are too many, or where this version of MLflow
        keeps them in another way: then its own methods must do.
    """
    try:
        tables = list(_tables(store, run_id, tuple(keys)))
    except Exception as error:  # noqa: BLE001 - a way of MLflow's own that may change
        _LOGGER.debug("The metrics of run %s are read through the store: %s", run_id, error)
        return None
    if sum(len(table) for table in tables) > MAX_ROWS:
        return None
    table = np.concatenate([np.empty((0, 4)), *tables])
    table = table[np.argsort(table[:, 0], kind="stable")]
    bounds = np.searchsorted(table[:, 0], np.arange(len(keys) + 1))
    return {
        key: Written.from_arrays(*table[bounds[i] : bounds[i + 1], 1:].T)
        for i, key in enumerate(keys)
    }


def _tables(store: Any, run_id: str, keys: tuple[str, ...]) -> Iterator[NDArray[np.float64]]:
    """Yield tables with the columns index of the key, timestamp, step, value."""
    from mlflow.store.tracking.dbmodels.models import SqlMetric  # noqa: PLC0415 - SQLAlchemy

    index = {key: float(i) for i, key in enumerate(keys)}
    columns = (SqlMetric.key, SqlMetric.timestamp, SqlMetric.step, SqlMetric.value)
    with store.ManagedSessionMaker() as session:
        query = session.query(*columns, SqlMetric.is_nan)
        query = query.filter(SqlMetric.run_uuid == run_id, SqlMetric.key.in_(keys))
        rows = iter(query.limit(MAX_ROWS + 1).yield_per(_CHUNK))
        while chunk := list(islice(rows, _CHUNK)):
            yield np.array([(index[k], t, s, np.nan if bad else v) for k, t, s, v, bad in chunk])
