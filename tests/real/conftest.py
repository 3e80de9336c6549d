"""Real parts: MLflow servers on SQLite and PostgreSQL, one with accounts, a browser, torchrun.

`make test-real` runs what is here; `make test` does not come here. A part that is not installed
skips its tests, and says how to install it. Parts start once: the tests that share one run in the
same process.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient

from tests.real.harness.mlflow_server import mlflow_server
from tests.real.harness.postgresql import postgresql, programs
from tests.real.harness.reviewed import ReviewedRun, train_and_review, without_chatter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

    from tests.real.harness.browser import Witness

HERE = Path(__file__).parent
DATABASE = re.compile("postgresql|sqlite")


def pytest_configure() -> None:
    """Let what the tests start hear Ctrl-C: a shell has its background jobs ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.real)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Keep together what shares a database: each server starts in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class ByDatabase(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            database = DATABASE.search(nodeid)
            return database[0] if database else nodeid.partition("::")[0]

    return ByDatabase(config, log)


@pytest.fixture(scope="session")
def postgresql_uri() -> Iterator[str]:
    """A database of PostgreSQL with nothing in it."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg2", reason="no driver for PostgreSQL: pip install psycopg2-binary")
    with postgresql(binaries) as uri:
        yield uri


@pytest.fixture(scope="session")
def postgresql_server(
    postgresql_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Tracking URI of an MLflow server on PostgreSQL."""
    with mlflow_server(tmp_path_factory.mktemp("on-postgresql"), postgresql_uri) as uri:
        yield uri


@pytest.fixture(scope="session")
def sqlite_server(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Tracking URI of an MLflow server on SQLite."""
    folder = tmp_path_factory.mktemp("on-sqlite")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    with mlflow_server(folder, f"sqlite:///{folder / 'mlflow.db'}") as uri:
        yield uri


@pytest.fixture(scope="session", params=["postgresql_server", "sqlite_server"])
def server(request: pytest.FixtureRequest) -> str:
    """Tracking URI of an MLflow server, on each database in turn."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def experiment(server: str, request: pytest.FixtureRequest) -> str:
    """Id of an experiment of the test's own, with its artifacts behind the server."""
    return str(MlflowClient(server).create_experiment(request.node.name))


@pytest.fixture(scope="session")
def reviewed_runs(server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReviewedRun]:
    """A healthy, an overfitting and a diverged run with their reviews, on each server."""
    folder = tmp_path_factory.mktemp("reviewed")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in without_chatter(folder / "spool").items():
            patch.setenv(name, value)
        return train_and_review(server, folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a screen."""
    pytest.importorskip("playwright", reason="no driver for a browser: pip install playwright")
    from tests.real.harness.browser import chromium, program

    executable = program()
    if executable is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with chromium(executable) as running:
        yield running


@pytest.fixture
def browser_context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has seen nothing yet."""
    from tests.real.harness.browser import PATIENCE_MILLISECONDS
    from tests.real.harness.pages import close_assistant

    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    close_assistant(context)
    yield context
    context.close()


@pytest.fixture
def witness() -> Witness:
    """What happens in the test's page."""
    from tests.real.harness.browser import Witness

    return Witness()


@pytest.fixture
def page(browser_context: BrowserContext, witness: Witness) -> Page:
    """An empty page that is watched."""
    page = browser_context.new_page()
    witness.watch(page)
    return page
