"""Findings as traces of their run: in MLflow, a trace is what a person can give feedback on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import mlflow
from mlflow.entities import AssessmentSourceType, Run
from mlflow.entities.trace_info import TraceInfo
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracing.attachments import Attachment

from tuneguard import keys
from tuneguard.storage.connection import store_of
from tuneguard.storage.trace_layout import OWN_SOURCE, FindingTrace, trace_info, trace_spans

_OURS: Final = f"tags.`{keys.TRACE_RULE}` != ''"
_PAGE: Final = 500
# MLflow sets this tag when it has a trace's spans, which are written last
_WHOLE: Final = "mlflow.trace.spansLocation"
# how a server says that its store is made of files
_NO_SPANS: Final = "span logging is not supported"


def keeps_traces(client: mlflow.MlflowClient) -> bool:
    """Whether the store can keep the traces of a run, as far as its address tells.

    MLflow's file stores have no place for spans, and Databricks keeps them elsewhere.
    """
    return urlsplit(client.tracking_uri).scheme not in {"", "file", "databricks"}


def find_traces(
    client: mlflow.MlflowClient, experiment_id: str, run_id: str | None = None
) -> Iterator[TraceInfo]:
    """Yield the traces of findings with the feedback on them, the newest first.

    Args:
        client: Client of the store.
        experiment_id: Where to look.
        run_id: The run that they were found in; any, where not given.

    Raises:
        mlflow.exceptions.MlflowException: The store refused.
    """
    token = None
    while True:
        page = client.search_traces(
            locations=[experiment_id],
            run_id=run_id,
            filter_string=_OURS,
            max_results=_PAGE,
            page_token=token,
            include_spans=False,
        )
        yield from (trace.info for trace in page)
        token = page.token
        if not token:
            return


def replace_traces(client: mlflow.MlflowClient, run: Run, traces: Sequence[FindingTrace]) -> bool:
    """Make `traces` the findings that people find in a run.

    A trace that shows the same already is left alone. One that somebody has given feedback on is
    never deleted, and stands for its finding as long as that has the same severity and its steps
    overlap: nobody is asked twice. All others are replaced.

    Returns:
        Whether the store keeps traces; where it does not, nothing is written.

    Raises:
        mlflow.exceptions.MlflowException: The store refused.
    """
    if not keeps_traces(client):
        return False
    experiment_id, run_id = run.info.experiment_id, run.info.run_id
    present = list(find_traces(client, experiment_id, run_id))
    judged = [info for info in present if is_judged(info)]
    wanted = {
        trace.id_in(run_id): trace
        for trace in traces
        if not any(_stands_for(info, trace) for info in judged)
    }
    whole = {info.trace_id for info in present if _WHOLE in info.tags}
    kept = {info.trace_id for info in judged} | (whole & wanted.keys())
    stale = [info.trace_id for info in present if info.trace_id not in kept]
    if stale:
        client.delete_traces(experiment_id, trace_ids=stale)
    # MLflow lists the newest first, and the first finding matters most
    new = [trace for trace_id, trace in wanted.items() if trace_id not in kept]
    return all(_is_written(client, run, trace) for trace in reversed(new))


def is_judged(info: TraceInfo) -> bool:
    """Whether anybody but us has given feedback on a trace."""
    own = (AssessmentSourceType.CODE, OWN_SOURCE)
    return any((one.source.source_type, one.source.source_id) != own for one in info.assessments)


def _stands_for(info: TraceInfo, trace: FindingTrace) -> bool:
    """Whether a trace makes the claim that `trace` would make again."""
    tags = info.tags
    if (tags.get(keys.TRACE_RULE), tags.get(keys.TRACE_SEVERITY)) != (trace.rule, trace.severity):
        return False
    try:
        first, last = map(float, tags.get(keys.TRACE_STEPS, "").split(" to "))
    except ValueError:
        return False
    return first <= trace.steps[1] and trace.steps[0] <= last


def _is_written(client: mlflow.MlflowClient, run: Run, trace: FindingTrace) -> bool:
    """Write a trace whole or not at all, and return whether the store keeps it."""
    try:
        _write(client, run, trace)
    except Exception as error:
        with suppress(MlflowException):
            client.delete_traces(run.info.experiment_id, trace_ids=[trace.id_in(run.info.run_id)])
        if isinstance(error, NotImplementedError) or _NO_SPANS in str(error):
            return False
        raise
    return True


def _write(client: mlflow.MlflowClient, run: Run, trace: FindingTrace) -> None:
    """Write through the store: MLflow's own tracer sends to its global store, and sometime later.

    The spans come last, so that a trace without them is known to be half-written.
    """
    store = store_of(client)
    info = store.start_trace(trace_info(trace, run))
    reference = None
    if trace.picture is not None:
        content = trace.picture.encode()
        picture = Attachment(content_type="image/svg+xml", content_bytes=content)
        repository = get_artifact_repository(
            info.tags["mlflow.artifactLocation"], tracking_uri=client.tracking_uri
        )
        repository.upload_attachment(picture.id, content)
        reference = picture.ref(info.trace_id)
    store.log_spans(run.info.experiment_id, trace_spans(trace, info, reference))
