"""Where the artifacts lie that MLflow's server stores for its clients, seen from the server."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import urlsplit

from mlflow.entities import Run
from mlflow.store.artifact import artifact_repository_registry
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri, validate_path_is_safe

from tuneguard.exceptions import StoreUnreachableError

_PROXIED = "mlflow-artifacts"


def serve_proxied_artifacts(destination: str | None) -> None:
    """Open `mlflow-artifacts:` addresses in this process without asking the server itself.

    Args:
        destination: Where the server keeps them (`--artifacts-destination`); `None` where it
            does not keep artifacts for its clients.
    """
    if destination is None:
        return

    def repository(artifact_uri: str, **_: str | None) -> ArtifactRepository:
        path = validate_path_is_safe(  # type: ignore[no-untyped-call]  # MLflow annotates little
            urlsplit(artifact_uri).path.lstrip("/")
        )
        return artifact_repository_registry.get_artifact_repository(
            posixpath.join(destination, path)
        )

    # MLflow offers no public way to a scheme but an entry point, which would be everybody's
    registry = artifact_repository_registry._artifact_repository_registry  # noqa: SLF001
    registry.register(_PROXIED, repository)  # type: ignore[no-untyped-call]


def check_artifacts_are_here(run: Run) -> None:
    """Make sure that the folder of a run's artifacts is one of this machine.

    A client that stores its artifacts itself may name a folder of its own machine.

    Raises:
        StoreUnreachableError: It is not.
    """
    place = run.info.artifact_uri or ""
    if not is_local_uri(place):  # type: ignore[no-untyped-call]
        return
    path = local_file_uri_to_path(place)  # type: ignore[no-untyped-call]
    above = list(Path(path).parents)[1:3]
    if not any(folder.is_dir() for folder in above):
        raise StoreUnreachableError(
            f"the run's artifacts lie in {place}, which is not a folder of the server's machine. "
            "Diagnose the run where it was logged (tuneguard diagnose), or let the server keep "
            "artifacts for its clients (mlflow server --artifacts-destination)."
        )
