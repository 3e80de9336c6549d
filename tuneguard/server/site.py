"""What the server shows at each address: lists from tags, reports from checked documents."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from starlette.responses import Response

from tuneguard import keys
from tuneguard.exceptions import RunDeletedError, RunNotFoundError, TuneGuardError
from tuneguard.reports.server_pages import (
    ListedExperiment,
    RunListPage,
    experiment_list,
    message,
    mlflow_run,
    run_list,
)
from tuneguard.server import responses
from tuneguard.server.duty import Duty
from tuneguard.server.report_reader import ReportError, ReportReader
from tuneguard.server.run_list import VERDICTS, Filters, Place, escaped, list_runs, spelled
from tuneguard.server.run_notes import by_hand, missing_report, with_notes
from tuneguard.server.verdict_counts import count_verdicts
from tuneguard.server.waiting_runs import is_run_id
from tuneguard.storage.connection import connect, find_run

_EXPERIMENTS: Final = 50


class PageNotFoundError(TuneGuardError):
    """There is nothing at an address. The message says where to look instead."""


class Site:
    """The pages of one worker.

    Args:
        store: URI of the database.
        duty: Who knows what waits and what failed.
        reader: Who draws reports.
    """

    def __init__(self, store: str, duty: Duty, reader: ReportReader) -> None:
        self._store = store
        self._duty = duty
        self._reader = reader

    @cached_property
    def _client(self) -> MlflowClient:
        return connect(self._store)

    def experiments(self, text: str = "", after: str = "") -> Response:
        """Return the page of all experiments, the latest first.

        Args:
            text: What their names contain.
            after: MLflow's token of the page.
        """
        page = self._client.search_experiments(
            max_results=_EXPERIMENTS,
            filter_string=f"name ILIKE '%{escaped(text)}%'" if text else None,
            order_by=["last_update_time DESC"],
            page_token=after or None,
        )
        counts = count_verdicts(self._client, [one.experiment_id for one in page])
        listed = [
            ListedExperiment(one.experiment_id, one.name, counts.get(one.experiment_id, {}))
            for one in page
        ]
        return responses.page(experiment_list(listed, text, spelled(page.token)))

    def experiment(self, experiment_id: str, filters: Filters, after: str = "") -> Response:
        """Return a page of the runs of an experiment, the worst first.

        Args:
            experiment_id: The experiment.
            filters: Which runs.
            after: Where the page begins, as `Place` spells it.

        Raises:
            PageNotFoundError: There is no such experiment, filter or place.
        """
        place = Place.read(after) if after else Place(filters.verdict or VERDICTS[0])
        if place is None or not filters.is_usable:
            raise PageNotFoundError("The address names no verdict, rule or page that there is.")
        experiment = self._experiment(experiment_id)
        self._reader.prepare()
        runs, following = list_runs(self._client, experiment_id, filters, place)
        page = RunListPage(
            experiment=experiment,
            runs=with_notes(runs, self._duty),
            verdicts=VERDICTS,
            chosen={"verdict": filters.verdict, "rule": filters.rule, "text": filters.text},
            following=str(following) if following else "",
            is_first=not after,
        )
        return responses.page(run_list(page))

    def run(self, run_id: str) -> Response:
        """Return the report of a run, or a page that says why there is none.

        Raises:
            PageNotFoundError: There is no such run.
        """
        run = self._run(run_id)
        links = _around(run)
        try:
            text = self._reader.page(run_id, run.data.tags.get(keys.TAG_FINGERPRINT), links)
        except ReportError as error:
            problem = f"The run's tuneguard/diagnosis.json cannot be shown. {error}"
            anew = f"To write it anew: {by_hand(run_id)} --force"
            return responses.page(message("No report", [problem, anew], links), 422)
        if text is not None:
            return responses.report(text)
        title, paragraphs = missing_report(run, self._duty)
        return responses.page(
            message(title, [f"Run: {run.info.run_name or run_id}", *paragraphs], links)
        )

    def document(self, run_id: str) -> Response:
        """Return the diagnosis of a run as JSON.

        Raises:
            PageNotFoundError: There is no such run, or it has no diagnosis.
        """
        run = self._run(run_id)
        try:
            text = self._reader.document(run_id, run.data.tags.get(keys.TAG_FINGERPRINT))
        except ReportError as error:
            raise PageNotFoundError(f"The run's diagnosis cannot be shown. {error}") from error
        if text is None:
            raise PageNotFoundError("The run has no diagnosis that could be shown.")
        return responses.document(text)

    def _run(self, run_id: str) -> Run:
        if not is_run_id(run_id):
            raise PageNotFoundError("This is not the id of a run.")
        try:
            return find_run(self._client, run_id)
        except RunNotFoundError as error:
            raise PageNotFoundError(f"This server has no run {run_id}.") from error
        except RunDeletedError as error:
            raise PageNotFoundError(
                f"Run {run_id} is deleted. Restore it first: mlflow runs restore --run-id {run_id}"
            ) from error

    def _experiment(self, experiment_id: str) -> ListedExperiment:
        try:
            found = self._client.get_experiment(experiment_id)
        except MlflowException as error:
            raise PageNotFoundError(f"This server has no experiment {experiment_id}.") from error
        if found.lifecycle_stage != "active":
            raise PageNotFoundError(
                f"Experiment {experiment_id} is deleted. Restore it first: "
                f"mlflow experiments restore --experiment-id {experiment_id}"
            )
        counts = count_verdicts(self._client, [experiment_id]).get(experiment_id, {})
        return ListedExperiment(experiment_id, found.name, counts)


def _around(run: Run) -> list[tuple[str, str]]:
    """Return the links of a run's page."""
    experiment_id, run_id = run.info.experiment_id, run.info.run_id
    return [
        ("All runs of the experiment", f"../experiments/{experiment_id}"),
        ("This run in MLflow", mlflow_run(experiment_id, run_id)),
        ("The diagnosis as JSON", f"{run_id}/diagnosis.json"),
    ]
