"""What the environment says of the server, and what it cannot be combined with."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.server.constants import ARTIFACTS_ONLY_ENV_VAR, BACKEND_STORE_URI_ENV_VAR

from tuneguard.exceptions import ServerSettingError
from tuneguard.server.combinations import check_combination
from tuneguard.server.settings import SETTINGS, settings_from

STARTED = {BACKEND_STORE_URI_ENV_VAR: "sqlite:///mlflow.db", "_MLFLOW_SGI_NAME": "uvicorn"}


def test_settings_are_read(tmp_path: Path) -> None:
    environment = {
        "TUNEGUARD_SERVER_CONCURRENCY": "3",
        "TUNEGUARD_SERVER_TIMEOUT": "7.5",
        "TUNEGUARD_SERVER_QUEUE": "50",
        "TUNEGUARD_SERVER_SWEEP": "0",
        "TUNEGUARD_SERVER_SWEEP_DAYS": "1",
        "TUNEGUARD_SERVER_TRACES": "0",
        "TUNEGUARD_SERVER_FOLDER": str(tmp_path),
    }
    assert environment.keys() == SETTINGS.keys()

    settings = settings_from("sqlite:///a.db", environment)

    assert (settings.concurrency, settings.timeout, settings.queue) == (3, 7.5, 50)
    assert (settings.sweep, settings.sweep_days) == (0, 1)
    assert settings.folder.parent == tmp_path
    assert not settings.traces
    assert settings_from("sqlite:///a.db", {}).traces


def test_each_store_has_a_folder_of_its_own() -> None:
    folders = {settings_from(f"sqlite:////{name}.db", {}).folder for name in ("a", "b", "a")}

    assert len(folders) == 2


@pytest.mark.parametrize("text", ["many", "0", "-1", "nan", "inf"])
def test_a_setting_that_cannot_be_used_is_named(text: str) -> None:
    with pytest.raises(ServerSettingError, match=f"CONCURRENCY='{text}' is not a number"):
        settings_from("sqlite:///a.db", {"TUNEGUARD_SERVER_CONCURRENCY": text})


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (STARTED | {"_MLFLOW_SGI_NAME": "gunicorn"}, "leave out --gunicorn-opts"),
        (STARTED | {"_MLFLOW_SGI_NAME": "waitress"}, "leave out --waitress-opts"),
        (STARTED | {ARTIFACTS_ONLY_ENV_VAR: "true"}, "leave out --artifacts-only"),
        (STARTED | {"MLFLOW_ENABLE_WORKSPACES": "true"}, "leave out --enable-workspaces"),
        ({}, "mlflow server --app-name tuneguard"),
    ],
    ids=["gunicorn", "waitress", "artifacts", "workspaces", "by hand"],
)
def test_what_cannot_be_combined_is_refused(environment: dict[str, str], words: str) -> None:
    with pytest.raises(ServerSettingError, match=words):
        check_combination(environment)


def test_the_usual_start_is_not_refused() -> None:
    check_combination(STARTED | {"MLFLOW_ENABLE_WORKSPACES": "false"})


@pytest.mark.parametrize("variable", SETTINGS)
def test_every_setting_is_documented(variable: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "diagnose-on-the-server.md"

    assert f"| `{variable}` |" in page.read_text(encoding="utf-8")
