"""What the server's app cannot be combined with, said before anything is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mlflow.server.constants import ARTIFACTS_ONLY_ENV_VAR, BACKEND_STORE_URI_ENV_VAR

from tuneguard.exceptions import ServerSettingError

# MLflow tells its workers by this variable which program serves them
_SERVED_BY: Final = "_MLFLOW_SGI_NAME"
_WORKSPACES: Final = "MLFLOW_ENABLE_WORKSPACES"


def check_combination(environment: Mapping[str, str]) -> None:
    """Make sure that MLflow's server was started in a way that the app can be part of.

    MLflow itself refuses `--dev` beside `--app-name`, and takes one app: not `basic-auth` too.

    Args:
        environment: What `mlflow server` tells its workers.

    Raises:
        ServerSettingError: It was not.
    """
    program = environment.get(_SERVED_BY, "uvicorn")
    if program != "uvicorn":
        raise ServerSettingError(
            f"the app tuneguard runs under uvicorn, MLflow's default, and not under {program}: "
            f"leave out --{program}-opts, or leave out --app-name tuneguard."
        )
    if environment.get(ARTIFACTS_ONLY_ENV_VAR, "").lower() == "true":
        raise ServerSettingError(
            "the app tuneguard needs a server of runs: leave out --artifacts-only, or leave out "
            "--app-name tuneguard."
        )
    if environment.get(_WORKSPACES, "").lower() in {"true", "1"}:
        raise ServerSettingError(
            "the app tuneguard shows every run to everybody, and so does not go with workspaces: "
            "leave out --enable-workspaces, or leave out --app-name tuneguard."
        )
    if not environment.get(BACKEND_STORE_URI_ENV_VAR):
        raise ServerSettingError(
            "the app tuneguard is started by MLflow: mlflow server --app-name tuneguard."
        )
