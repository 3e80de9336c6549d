"""MLflow's tracking server with tuneguard in it: `mlflow server --app-name tuneguard`."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from mlflow.server.constants import (
    ARTIFACTS_DESTINATION_ENV_VAR,
    BACKEND_STORE_URI_ENV_VAR,
    SERVE_ARTIFACTS_ENV_VAR,
)
from mlflow.server.fastapi_app import create_fastapi_app
from mlflow.server.handlers import STATIC_PREFIX_ENV_VAR

from tuneguard.exceptions import ServerSettingError
from tuneguard.server.combinations import check_combination
from tuneguard.server.duty import Duty
from tuneguard.server.report_reader import ReportReader
from tuneguard.server.routes import routes_of
from tuneguard.server.run_ends import RunEnds
from tuneguard.server.settings import Settings, settings_from
from tuneguard.server.site import Site

_STARTUP_FAILURE: Final = 3
"""The exit code by which uvicorn and gunicorn know that another try would fail the same way."""


def create_app() -> FastAPI:
    """Return MLflow's server with tuneguard in it, set up by what MLflow told its workers.

    Raises:
        SystemExit: It cannot work; what to change is on standard error.
    """
    try:
        check_combination(os.environ)
        settings = settings_from(os.environ[BACKEND_STORE_URI_ENV_VAR])
        return app_of(settings, _artifacts(), os.environ.get(STATIC_PREFIX_ENV_VAR, ""))
    except ServerSettingError as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(_STARTUP_FAILURE) from error


def app_of(settings: Settings, artifacts: str | None = None, prefix: str = "") -> FastAPI:
    """Return MLflow's server with tuneguard in it.

    Args:
        settings: How tuneguard behaves.
        artifacts: Where the server keeps artifacts for its clients, if it does.
        prefix: Path in front of everything (`--static-prefix`).

    Raises:
        ServerSettingError: The folder of the settings cannot be used.
    """
    places = {"store": settings.store, "artifacts": artifacts}
    prefix = prefix.rstrip("/")
    try:
        duty = Duty(settings, places)
    except OSError as error:
        raise ServerSettingError(
            f"the app tuneguard cannot keep what waits in {settings.folder} ({error}). Name "
            "another folder with TUNEGUARD_SERVER_FOLDER."
        ) from error
    reader = ReportReader(places)
    app: FastAPI = create_fastapi_app()
    _put_first(app, Site(settings.store, duty, reader), prefix)
    app.add_middleware(RunEnds, report=duty.waiting.put, prefix=prefix)
    _work_while_serving(app, duty, reader)
    return app


def _put_first(app: FastAPI, site: Site, prefix: str) -> None:
    """Add the pages in front of MLflow's pages, which answer to every address."""
    routes: list[Any] = app.router.routes
    known = len(routes)
    app.include_router(routes_of(site), prefix=prefix)
    routes[:] = [*routes[known:], *routes[:known]]


def _work_while_serving(app: FastAPI, duty: Duty, reader: ReportReader) -> None:
    serving = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with serving(app) as state:
            duty.start()
            try:
                yield state
            finally:
                duty.stop()
                reader.close()

    app.router.lifespan_context = lifespan


def _artifacts() -> str | None:
    is_served = os.environ.get(SERVE_ARTIFACTS_ENV_VAR, "").lower() == "true"
    return os.environ.get(ARTIFACTS_DESTINATION_ENV_VAR) if is_served else None
