"""The addresses of the pages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Final

import anyio
from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse
from mlflow.exceptions import MlflowException
from starlette.responses import Response

from tuneguard.exceptions import TuneGuardError
from tuneguard.reports.server_pages import message
from tuneguard.server import responses
from tuneguard.server.report_reader import ReportBusyError
from tuneguard.server.run_list import Filters
from tuneguard.server.site import PageNotFoundError, Site

ROOT: Final = "/tuneguard"

_AT_ONCE: Final = 4
"""How many pages one worker makes at a time: MLflow's own answers keep their threads."""

_NOT_THERE: Final = frozenset({"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"})
_METHODS: Final = ["GET", "HEAD"]
_UNKNOWN: Final = (
    "The pages are: tuneguard/ for all experiments, tuneguard/experiments/ID for the runs of one, "
    "tuneguard/runs/ID for the report of a run."
)

Text = Annotated[str, Query(max_length=400)]

_logger = logging.getLogger(__name__)


def routes_of(site: Site) -> APIRouter:
    """Return the routes of the pages, without the server's prefix.

    Args:
        site: What makes the pages.
    """
    router = APIRouter(include_in_schema=False)
    gate: list[anyio.CapacityLimiter] = []

    async def answer(make: Callable[[], Response]) -> Response:
        # a limiter belongs to an event loop, which runs from the first request on
        if not gate:
            gate.append(anyio.CapacityLimiter(_AT_ONCE))
        return await anyio.to_thread.run_sync(_answered, make, limiter=gate[0])

    @router.api_route(ROOT, methods=_METHODS)
    async def root() -> Response:
        return RedirectResponse(f"{ROOT.removeprefix('/')}/")

    @router.api_route(f"{ROOT}/", methods=_METHODS)
    async def experiments(text: Text = "", after: Text = "") -> Response:
        return await answer(lambda: site.experiments(text, after))

    @router.api_route(f"{ROOT}/experiments/{{experiment_id}}", methods=_METHODS)
    async def experiment(
        experiment_id: str, verdict: Text = "", rule: Text = "", text: Text = "", after: Text = ""
    ) -> Response:
        filters = Filters(verdict, rule, text)
        return await answer(lambda: site.experiment(experiment_id, filters, after))

    @router.api_route(f"{ROOT}/runs/{{run_id}}", methods=_METHODS)
    async def run(run_id: str) -> Response:
        return await answer(lambda: site.run(run_id))

    @router.api_route(f"{ROOT}/runs/{{run_id}}/diagnosis.json", methods=_METHODS)
    async def document(run_id: str) -> Response:
        return await answer(lambda: site.document(run_id))

    @router.api_route(f"{ROOT}/{{path:path}}", methods=_METHODS)
    async def unknown(path: str) -> Response:  # noqa: ARG001 - named by the route
        return responses.page(message("Not found", [_UNKNOWN]), 404)

    return router


def _answered(make: Callable[[], Response]) -> Response:
    try:
        return make()
    except PageNotFoundError as error:
        return responses.page(message("Not found", [str(error), _UNKNOWN]), 404)
    except ReportBusyError as error:
        again = "Load this page again in a moment."
        return responses.page(message("One moment", [str(error), again]), 503)
    except (TuneGuardError, MlflowException) as error:
        if getattr(error, "error_code", "") in _NOT_THERE:
            return responses.page(message("Not found", [_UNKNOWN]), 404)
        _logger.warning("A page could not be made: %s", error)
        paragraphs = ["MLflow's store could not answer. Its log says why. Try again later."]
        return responses.page(message("Out of order", paragraphs), 503)
