"""A review written into a run: artifacts, description, tags, and the fingerprint last."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mlflow
from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.storage.connection import translated_errors
from tuneguard.storage.description_block import with_block
from tuneguard.storage.finding_traces import replace_traces
from tuneguard.storage.trace_layout import FindingTrace

_DESCRIPTION = "mlflow.note.content"
_LOGGED_ARTIFACTS = "mlflow.loggedArtifacts"
_FINDING_VALUE = re.compile(r"(info|warning|critical) @ (step|epoch) \S+")


@dataclass(frozen=True)
class Review:
    """What is written into a run, ready to be stored.

    Attributes:
        fingerprint: What the review depends on: of two reviews with the same, one is enough.
        tags: Run tags by key, without the fingerprint.
        description: Markdown block for the run's description.
        artifacts: Text files by path among the run's artifacts.
        table: Which of the artifacts MLflow shall show as a table.
        traces: The findings for people to judge; `None` to leave the run's traces alone.
    """

    fingerprint: str
    tags: Mapping[str, str]
    description: str
    artifacts: Mapping[str, str]
    table: str
    traces: Sequence[FindingTrace] | None = None


def finding_value(severity: str, axis: str, first: str) -> str:
    """Return the value of a finding's tag.

    >>> finding_value("critical", "step", "120")
    'critical @ step 120'
    """
    return f"{severity} @ {axis} {first}"


def is_written(run: Run, fingerprint: str) -> bool:
    """Whether `run` carries the review of this fingerprint, whole but perhaps for its traces."""
    return bool(run.data.tags.get(keys.TAG_FINGERPRINT) == fingerprint)


def has_traces(run: Run) -> bool:
    """Whether the last review of `run` wrote its findings as traces, as far as the store can."""
    return keys.TAG_TRACES in run.data.tags


def write_review(client: mlflow.MlflowClient, run: Run, review: Review) -> bool:
    """Write a review in place of an earlier one. Status and times of the run stay as they are.

    The fingerprint goes first and comes last, so that a review that was interrupted is written
    again by the next diagnosis.

    Args:
        client: Client of the store that holds the run.
        run: The run as it is now.
        review: What to write.

    Returns:
        Whether the store keeps the traces of findings, where there were any to be written.

    Raises:
        StoreUnreachableError: The store refused, or the artifacts or the traces could not be
            written; in the latter cases everything else was.
    """
    run_id = run.info.run_id
    with translated_errors(client.tracking_uri, run_id):
        if keys.TAG_FINGERPRINT in run.data.tags:
            client.delete_tag(run_id, keys.TAG_FINGERPRINT)
        problem = _write_artifacts(client, run_id, review)
        # read again: a person may have edited the description meanwhile
        present = client.get_run(run_id).data.tags
        for key in _stale_tags(present, review.tags):
            client.delete_tag(run_id, key)
        client.log_batch(run_id, tags=[RunTag(*tag) for tag in _tags(present, review).items()])
        if problem:
            raise StoreUnreachableError(
                f"The tags and the description of run {run_id} were written, its report was "
                f"not: the artifact store {run.info.artifact_uri} refused ({problem}). Give "
                "yourself the right to write there, and diagnose the run again."
            )
        keeps_traces = _write_traces(client, run, review.traces)
        client.set_tag(run_id, keys.TAG_FINGERPRINT, review.fingerprint)
    return keeps_traces


def write_tags(
    client: mlflow.MlflowClient, run: Run, tags: Mapping[str, str], fingerprint: str
) -> None:
    """Write the tags of a review, and leave everything else as it is.

    Args:
        client: Client of the store that holds the run.
        run: The run as it is now.
        tags: What to write; tags of findings that are not among them are removed.
        fingerprint: Written with the others, and as the last of them.

    Raises:
        StoreUnreachableError: The store refused.
    """
    run_id, present = run.info.run_id, run.data.tags
    with translated_errors(client.tracking_uri, run_id):
        if keys.TAG_FINGERPRINT in present:
            _remove_tag(client, run_id, keys.TAG_FINGERPRINT)
        for key in _stale_tags(present, tags):
            _remove_tag(client, run_id, key)
        written = {**tags, keys.TAG_FINGERPRINT: fingerprint}
        client.log_batch(run_id, tags=[RunTag(*tag) for tag in written.items()])


def _remove_tag(client: mlflow.MlflowClient, run_id: str, key: str) -> None:
    """Delete a tag that somebody else may have deleted meanwhile."""
    try:
        client.delete_tag(run_id, key)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def _write_artifacts(client: mlflow.MlflowClient, run_id: str, review: Review) -> str | None:
    """Return what went wrong, or `None`."""
    try:
        for path, text in review.artifacts.items():
            client.log_text(run_id, text, path)
    except Exception as error:  # noqa: BLE001 - an artifact store may raise anything
        return _first_line(error)
    return None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _write_traces(
    client: mlflow.MlflowClient, run: Run, traces: Sequence[FindingTrace] | None
) -> bool:
    """Write the traces and the tag that says so, and return whether the store keeps them.

    Raises:
        StoreUnreachableError: They could not be written.
    """
    run_id = run.info.run_id
    if traces is None:
        _remove_tag(client, run_id, keys.TAG_TRACES)
        return True
    try:
        is_kept = replace_traces(client, run, traces)
    except Exception as error:  # an artifact store may raise anything
        raise StoreUnreachableError(
            f"The tags, the description and the report of run {run_id} were written, the traces "
            f"of its findings were not ({_first_line(error)}). Diagnose the run again, or leave "
            "them out with --no-traces."
        ) from error
    state = keys.TRACES_WRITTEN if is_kept else keys.TRACES_UNSUPPORTED
    client.set_tag(run_id, keys.TAG_TRACES, state)
    return is_kept


def _tags(present: Mapping[str, str], review: Review) -> dict[str, str]:
    tags = dict(review.tags)
    tags[_DESCRIPTION] = with_block(present.get(_DESCRIPTION, ""), review.description)
    logged = _with_table(present.get(_LOGGED_ARTIFACTS, "[]"), review.table)
    if logged is not None:
        tags[_LOGGED_ARTIFACTS] = logged
    return tags


def _with_table(logged: str, path: str) -> str | None:
    """Return MLflow's list of special artifacts with a table added, or `None` to leave it."""
    try:
        entries = json.loads(logged)
    except json.JSONDecodeError:
        return None
    entry = {"path": path, "type": "table"}
    if not isinstance(entries, list) or entry in entries:
        return None
    return json.dumps([*entries, entry])


def _stale_tags(present: Mapping[str, str], tags: Mapping[str, str]) -> list[str]:
    """Return the tags of findings that an earlier review had and this one has not."""
    earlier = present.get(keys.TAG_FINDINGS, "").split(", ")
    return [
        key
        for key, value in present.items()
        if key.startswith(keys.TAG_PREFIX)
        and key not in tags
        and key not in keys.TAGS
        and (key.removeprefix(keys.TAG_PREFIX) in earlier or _FINDING_VALUE.fullmatch(value))
    ]
