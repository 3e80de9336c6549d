"""How a finding is laid out as a trace, such that MLflow shows its text, picture and code.

The layout is that of a chat: MLflow renders its messages as Markdown, with code highlighted and
attachments drawn in place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from mlflow.entities import AssessmentSource, Feedback, Run, Span, SpanType
from mlflow.entities.trace_info import TraceInfo
from mlflow.entities.trace_location import TraceLocation
from mlflow.entities.trace_state import TraceState

from tuneguard import keys

OWN_SOURCE: Final = "tuneguard"
OWN_RATIONALE: Final = (
    "tuneguard's own claim. Press + to give your verdict: True for a real problem, False for a "
    "false alarm, and why."
)

_ROOT, _EVIDENCE = "00000000000000a1", "00000000000000a2"


@dataclass(frozen=True, slots=True)
class FindingTrace:
    """One finding, ready to be stored as a trace.

    Attributes:
        rule: Name of the rule.
        severity: How bad it is, as text.
        steps: First and last step of the evidence.
        summary: The finding on one line, for lists and review queues.
        fix: What to try first, for lists and review queues; at most 1,000 characters.
        question: What the person is asked, as Markdown.
        headline: What was found, as Markdown; the picture is shown right after it.
        answers: What else there is to say, as Markdown.
        picture: The evidence as SVG, or `None`.
    """

    rule: str
    severity: str
    steps: tuple[float, float]
    summary: str
    fix: str
    question: str
    headline: str
    answers: tuple[str, ...]
    picture: str | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of all that is shown."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:32]

    def id_in(self, run_id: str) -> str:
        """Return the id of the trace in a run: the same for the same content."""
        digest = hashlib.sha256(f"{run_id} {self.fingerprint}".encode()).hexdigest()
        return f"tr-{digest[:32]}"


def trace_info(trace: FindingTrace, run: Run) -> TraceInfo:
    """Return what the list of traces shows, with our own claim as the feedback to answer."""
    run_id = run.info.run_id
    first, last = trace.steps
    return TraceInfo(
        trace_id=trace.id_in(run_id),
        trace_location=TraceLocation.from_experiment_id(run.info.experiment_id),
        request_time=time.time_ns() // 1_000_000,
        execution_duration=0,
        state=TraceState.OK,
        request_preview=trace.summary,
        response_preview=trace.fix,
        # as a trace that the run itself had made: it is found by the run's id
        trace_metadata={"mlflow.sourceRun": run_id},
        tags={
            "mlflow.traceName": trace.rule,
            keys.TRACE_RULE: trace.rule,
            keys.TRACE_SEVERITY: trace.severity,
            keys.TRACE_STEPS: f"{first:.12g} to {last:.12g}",
            keys.TRACE_SUMMARY: trace.summary,
            keys.TAG_FINGERPRINT: trace.fingerprint,
        },
        assessments=[
            _own_feedback(keys.REAL_PROBLEM, True, OWN_RATIONALE),
            _own_feedback(keys.TRACE_SEVERITY, trace.severity, trace.summary),
        ],
    )


def trace_spans(trace: FindingTrace, info: TraceInfo, picture: str | None) -> list[Span]:
    """Return the spans of a trace: the conversation, and the evidence below it.

    Args:
        trace: What to show.
        info: The trace that it becomes.
        picture: Reference of the attached picture, if there is one.
    """
    shown = f"{trace.headline}\n\n![Evidence]({picture})" if picture else trace.headline
    messages = [{"role": "assistant", "content": text} for text in (shown, *trace.answers)]
    conversation = {
        "mlflow.spanType": SpanType.CHAT_MODEL,
        "mlflow.message.format": "openai",
        "mlflow.spanInputs": {"messages": [{"role": "user", "content": trace.question}]},
        "mlflow.spanOutputs": {"choices": [{"message": message} for message in messages]},
    }
    spans = [_span(info, trace.rule, conversation)]
    if picture:
        evidence = {
            "mlflow.spanType": SpanType.TOOL,
            "mlflow.spanInputs": {"rule": trace.rule},
            "mlflow.spanOutputs": {"picture": picture},
        }
        spans.append(_span(info, "evidence", evidence, parent=_ROOT))
    return spans


def _own_feedback(name: str, value: bool | str, rationale: str) -> Feedback:
    source = AssessmentSource(source_type="CODE", source_id=OWN_SOURCE)
    return Feedback(name=name, value=value, source=source, rationale=rationale)


def _span(
    info: TraceInfo, name: str, attributes: Mapping[str, Any], parent: str | None = None
) -> Span:
    stored = {"mlflow.traceRequestId": info.trace_id, **attributes}
    moment = info.request_time * 1_000_000
    return Span.from_dict(
        {
            "trace_id": _base64(info.trace_id.removeprefix("tr-")),
            "span_id": _base64(_EVIDENCE if parent else _ROOT),
            "parent_span_id": _base64(parent) if parent else None,
            "name": name,
            "start_time_unix_nano": moment,
            "end_time_unix_nano": moment,
            "events": [],
            "status": {"code": "STATUS_CODE_OK", "message": ""},
            "attributes": {key: json.dumps(value) for key, value in stored.items()},
        }
    )


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
