"""What an examiner shows of a run's diagnosis, from a file that anybody may have written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tuneguard import keys
from tuneguard.diagnosis import Diagnosis
from tuneguard.exceptions import DiagnosisFormatError
from tuneguard.reports.document import to_json
from tuneguard.reports.document_reader import from_json
from tuneguard.reports.html import render_html
from tuneguard.storage.connection import connect, find_run, without_progress_bars

MAX_BYTES: Final = 8_000_000
"""A diagnosis of 30 findings with all its pictures takes 2."""
MAX_FINDINGS: Final = 100

_DOCUMENT = f"{keys.ARTIFACTS}/diagnosis.json"


class StoredReports:
    """Reads diagnoses back out of one store.

    Args:
        store: URI of the database.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._client: MlflowClient | None = None

    def page(self, run_id: str, links: list[list[str]]) -> dict[str, Any]:
        """Return the report of a run as the `text` of a page, drawn anew, or `None`.

        Args:
            run_id: The run.
            links: Words and address of each link to put above it.

        Raises:
            DiagnosisFormatError: What lies there is not a diagnosis, or too large.
        """
        diagnosis = self._diagnosis(run_id)
        if diagnosis is None:
            return {"text": None}
        return {"text": render_html(diagnosis, links=[(words, to) for words, to in links])}

    def document(self, run_id: str) -> dict[str, Any]:
        """Return the diagnosis of a run as the `text` of a JSON document, or `None`.

        Raises:
            DiagnosisFormatError: What lies there is not a diagnosis, or too large.
        """
        diagnosis = self._diagnosis(run_id)
        return {"text": None if diagnosis is None else to_json(diagnosis)}

    def _diagnosis(self, run_id: str) -> Diagnosis | None:
        if self._client is None:
            self._client = connect(self._store)
        run = find_run(self._client, run_id)
        content = _content(run, self._client.tracking_uri)
        return None if content is None else _checked(from_json(content), run)


def _content(run: Run, tracking_uri: str) -> bytes | None:
    artifacts: ArtifactRepository = get_artifact_repository(
        run.info.artifact_uri, tracking_uri=tracking_uri
    )
    listed = artifacts.list_artifacts(keys.ARTIFACTS)
    entry = next((one for one in listed if one.path == _DOCUMENT and not one.is_dir), None)
    if entry is None:
        return None
    _check_size(entry.file_size or 0)
    with tempfile.TemporaryDirectory(prefix="tuneguard-") as folder, without_progress_bars():
        path = Path(artifacts.download_artifacts(_DOCUMENT, folder))  # type: ignore[no-untyped-call]
        _check_size(path.stat().st_size)
        return path.read_bytes()


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise DiagnosisFormatError(
            f"It is larger than any diagnosis: {size:,} bytes, where {MAX_BYTES:,} are shown."
        )


def _checked(diagnosis: Diagnosis, run: Run) -> Diagnosis:
    """Return a diagnosis that is of this run, and can be drawn in reasonable time."""
    if diagnosis.identity.run_id != run.info.run_id:
        raise DiagnosisFormatError("It is the diagnosis of another run.")
    if len(diagnosis.all_findings()) > MAX_FINDINGS:
        raise DiagnosisFormatError(f"It holds more than {MAX_FINDINGS} findings.")
    return diagnosis
