"""The runs of an experiment, page by page, without their histories."""

from __future__ import annotations

from collections.abc import Iterator

import mlflow
from mlflow.entities import Experiment, LifecycleStage, Run
from mlflow.exceptions import MlflowException

from tuneguard.exceptions import ExperimentNotFoundError
from tuneguard.storage.connection import translated_errors

PAGE = 200


def experiment_id_of(client: mlflow.MlflowClient, name: str) -> str:
    """Return the id of an experiment.

    Args:
        client: Client of the store that holds it.
        name: Its name, or its id.

    Raises:
        ExperimentNotFoundError: The store has no such experiment, or it is in the trash.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    with translated_errors(client.tracking_uri):
        experiment = client.get_experiment_by_name(name) or _with_id(client, name)
        if experiment is None:
            others = [one.name for one in client.search_experiments(max_results=5)]
            raise ExperimentNotFoundError(
                f"There is no experiment {name!r}. Name another with --experiment, or another "
                f"store with --tracking-uri; in this one are {', '.join(map(repr, others))}."
            )
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        raise ExperimentNotFoundError(
            f"The experiment {name!r} is deleted. Restore it first: mlflow experiments restore "
            f"--experiment-id {experiment.experiment_id}"
        )
    return str(experiment.experiment_id)


def _with_id(client: mlflow.MlflowClient, text: str) -> Experiment | None:
    try:
        return client.get_experiment(text) if text.isdigit() else None
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def list_runs(
    client: mlflow.MlflowClient, experiment_id: str, since: int | None = None
) -> Iterator[list[Run]]:
    """Yield the runs of an experiment that are not deleted, the newest first, in pages.

    Args:
        client: Client of the store.
        experiment_id: The experiment.
        since: Milliseconds since 1970: of earlier runs, only those that ended later or go on.

    Raises:
        StoreUnreachableError: The store does not answer, or refuses.
    """
    seen: set[str] = set()
    for query in _queries(since):
        token: str | None = None
        while True:
            with translated_errors(client.tracking_uri):
                page = client.search_runs(
                    [experiment_id], query, max_results=PAGE, page_token=token
                )
            # a run that was created meanwhile moves others to the next page
            new = [run for run in page if run.info.run_id not in seen]
            seen.update(run.info.run_id for run in new)
            if new:
                yield new
            token = page.token
            if not token:
                break


def _queries(since: int | None) -> list[str]:
    # MLflow's filters have no "or"
    if since is None:
        return [""]
    earlier = f"attributes.start_time < {since} and "
    return [
        f"attributes.start_time >= {since}",
        f"{earlier}attributes.end_time >= {since}",
        f"{earlier}attributes.status = 'RUNNING'",
    ]
