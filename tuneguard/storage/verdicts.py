"""People's feedback on findings, read back from MLflow.

`read_verdicts(run_id, tracking_uri=None)` reads one run, and
`read_experiment_verdicts(name, tracking_uri=None)` all runs of an experiment. Both return
`TracedFinding`s, whose `verdicts` are the feedbacks of people and whose `outcome` is
`real problem`, `false alarm`, `disputed` or `unreviewed`.
"""

from __future__ import annotations

from collections.abc import Iterator

import mlflow
from mlflow.entities import AssessmentSourceType, Feedback
from mlflow.entities.trace_info import TraceInfo

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.feedback import TracedFinding, Verdict
from tuneguard.storage.connection import connect, find_run, translated_errors
from tuneguard.storage.finding_traces import find_traces, keeps_traces
from tuneguard.storage.run_list import experiment_id_of
from tuneguard.storage.store_probe import without_password
from tuneguard.storage.trace_layout import OWN_RATIONALE


def read_verdicts(run_id: str, tracking_uri: str | None = None) -> tuple[TracedFinding, ...]:
    """Return the findings of a run that people can judge, with what they said; newest first.

    Args:
        run_id: The run.
        tracking_uri: Where it is kept; MLflow's own choice where not given.

    Raises:
        RunNotFoundError: The store has no such run.
        RunDeletedError: The run is in the trash.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    client = connect(tracking_uri)
    run = find_run(client, run_id)
    return _read(client, run.info.experiment_id, run_id)


def read_experiment_verdicts(
    experiment: str, tracking_uri: str | None = None
) -> tuple[TracedFinding, ...]:
    """Return the findings of all runs of an experiment, with what people said; newest first.

    Args:
        experiment: Its name, or its id.
        tracking_uri: Where it is kept; MLflow's own choice where not given.

    Raises:
        ExperimentNotFoundError: There is no experiment of this name.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    client = connect(tracking_uri)
    return _read(client, experiment_id_of(client, experiment))


def _read(
    client: mlflow.MlflowClient, experiment_id: str, run_id: str | None = None
) -> tuple[TracedFinding, ...]:
    if not keeps_traces(client):
        raise StoreUnreachableError(
            f"{without_password(client.tracking_uri)} keeps no traces, so nobody can judge "
            "findings in it. Name a database or a server with --tracking-uri."
        )
    with translated_errors(client.tracking_uri, run_id):
        return tuple(map(_finding, find_traces(client, experiment_id, run_id)))


def _finding(info: TraceInfo) -> TracedFinding:
    return TracedFinding(
        experiment_id=info.experiment_id or "",
        run_id=info.trace_metadata.get("mlflow.sourceRun", ""),
        trace_id=info.trace_id,
        rule=info.tags[keys.TRACE_RULE],
        severity=info.tags.get(keys.TRACE_SEVERITY, ""),
        summary=info.tags.get(keys.TRACE_SUMMARY, ""),
        written_at=info.request_time,
        verdicts=tuple(sorted(_verdicts(info), key=lambda verdict: verdict.given_at)),
    )


def _verdicts(info: TraceInfo) -> Iterator[Verdict]:
    for one in info.assessments:
        is_valid = one.valid is not False
        if isinstance(one, Feedback) and is_valid and _is_of_a_person(one):
            rationale = (one.rationale or "").strip()
            yield Verdict(
                person=one.source.source_id or "",
                name=one.name,
                value=str(one.value),
                # who edits our claim in place takes our words along
                rationale="" if rationale == OWN_RATIONALE else rationale,
                given_at=one.last_update_time_ms or one.create_time_ms or 0,
            )


def _is_of_a_person(feedback: Feedback) -> bool:
    return bool(feedback.source.source_type == AssessmentSourceType.HUMAN)
