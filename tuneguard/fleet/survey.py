"""Which runs of an experiment need a diagnosis: told without reading any history."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tuneguard import keys
from tuneguard.fleet.examiner import Assignment, Examiner
from tuneguard.scanned_run import ScannedRun
from tuneguard.storage.connection import connect, without_progress_bars
from tuneguard.storage.reader import look_up
from tuneguard.storage.record_listing import side_by_side
from tuneguard.storage.run_list import experiment_id_of, list_runs


@dataclass(frozen=True, slots=True)
class Survey:
    """The runs of an experiment before any is read.

    Attributes:
        experiment_id: The experiment.
        unchanged: Runs that carry the diagnosis of their present state.
        changed: Ids of all others, in no order, so that two scans at the same time go
            different ways and find what the other one has done.
    """

    experiment_id: str
    unchanged: list[ScannedRun] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def survey(
    assignment: Assignment,
    experiment: str,
    since: int | None = None,
    listed: Callable[[int], None] = lambda _: None,
) -> Survey:
    """List the runs of an experiment, and tell those that have changed since their diagnosis.

    Args:
        assignment: What is to be done with each run.
        experiment: Name of the experiment, or its id.
        since: Milliseconds since 1970: of earlier runs, only those that ended later or go on.
        listed: Told after each page how many runs it had.

    Raises:
        ExperimentNotFoundError: There is no such experiment.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    client = connect(assignment.tracking_uri)
    examiner = Examiner(assignment)
    found = Survey(experiment_id_of(client, experiment))
    with without_progress_bars():
        for page in list_runs(client, found.experiment_id, since):
            diagnosed = [run for run in page if keys.TAG_FINGERPRINT in run.data.tags]
            standings = side_by_side(
                lambda run: examiner.standing(look_up(client, run)), diagnosed
            )
            unchanged = {one.run_id: one for one in standings if one is not None}
            found.unchanged.extend(unchanged.values())
            found.changed.extend(
                run.info.run_id for run in page if run.info.run_id not in unchanged
            )
            listed(len(page))
    random.shuffle(found.changed)
    return found
