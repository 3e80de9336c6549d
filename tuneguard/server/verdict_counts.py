"""How many runs have each verdict: a question that MLflow's interface does not answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage

from tuneguard import keys
from tuneguard.server.run_list import OTHER, UNDIAGNOSED, VERDICTS
from tuneguard.storage.connection import store_of

_logger = logging.getLogger(__name__)


def count_verdicts(
    client: MlflowClient, experiment_ids: Sequence[str]
) -> Mapping[str, Mapping[str, int]]:
    """Return how many runs of each experiment have each verdict, by one query of the database.

    Args:
        client: Client of the store.
        experiment_ids: The experiments.

    Returns:
        By experiment the counts by verdict, the worst first; nothing where the store is no
        database of MLflow's, or one of another shape: the counts are for looking only.
    """
    try:
        rows = _counted(store_of(client), [int(one) for one in experiment_ids])
    except Exception:  # the tables are MLflow's own, and may change
        _logger.debug("The verdicts were not counted", exc_info=True)
        return {}
    found: dict[str, dict[str, int]] = {}
    for experiment_id, verdict, count in rows:
        word = UNDIAGNOSED if verdict is None else verdict if verdict in VERDICTS else OTHER
        counts = found.setdefault(str(experiment_id), {})
        counts[word] = counts.get(word, 0) + count
    return {
        experiment_id: {word: counts[word] for word in VERDICTS if word in counts}
        for experiment_id, counts in found.items()
    }


def _counted(store: Any, experiment_ids: list[int]) -> list[tuple[int, str | None, int]]:
    from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag  # noqa: PLC0415
    from sqlalchemy import and_, func, select  # noqa: PLC0415

    of_run = and_(SqlTag.run_uuid == SqlRun.run_uuid, SqlTag.key == keys.TAG_VERDICT)
    query: Any = (
        select(SqlRun.experiment_id, SqlTag.value, func.count())
        .select_from(SqlRun)
        .outerjoin(SqlTag, of_run)
        .where(SqlRun.experiment_id.in_(experiment_ids))
        .where(SqlRun.lifecycle_stage == LifecycleStage.ACTIVE)
        .group_by(SqlRun.experiment_id, SqlTag.value)
    )
    with store.ManagedSessionMaker() as session:
        return [tuple(row) for row in session.execute(query)]
