"""Findings as traces in a real store: what is replaced, what stays, what people's words do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback, Run

from tuneguard import keys
from tuneguard.storage import finding_traces
from tuneguard.storage.connection import store_of
from tuneguard.storage.finding_traces import find_traces, replace_traces
from tuneguard.storage.trace_layout import OWN_RATIONALE, FindingTrace
from tuneguard.storage.verdicts import read_experiment_verdicts, read_verdicts

TRACE = FindingTrace(
    rule="divergence",
    severity="critical",
    steps=(120.0, 200.0),
    summary="Divergence: the loss rose.",
    fix="Lower the learning rate.",
    question="Is it real?",
    headline="### Divergence",
    answers=("**Try first:** lower it.", "Because."),
    picture="<svg/>",
)
OTHER = replace(TRACE, rule="dead-units", picture=None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> MlflowClient:
    folder = tmp_path_factory.mktemp("traces")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    client.create_experiment("training", artifact_location=str(folder / "artifacts"))
    return client


@pytest.fixture
def run(store: MlflowClient) -> Run:
    experiment = store.get_experiment_by_name("training")
    return store.create_run(experiment.experiment_id)


def ids(store: MlflowClient, run: Run) -> set[str]:
    found = find_traces(store, run.info.experiment_id, run.info.run_id)
    return {info.trace_id for info in found}


def say(
    store: MlflowClient,
    trace_id: str,
    value: bool | str,
    *,
    name: str = keys.REAL_PROBLEM,
    person: str = "anna",
    why: str | None = None,
    at: int | None = None,
) -> None:
    source = AssessmentSource(source_type="HUMAN", source_id=person)
    feedback = Feedback(name=name, value=value, source=source, rationale=why, trace_id=trace_id)
    feedback.create_time_ms = feedback.last_update_time_ms = at or 1_000
    store_of(store).create_assessment(feedback)


def test_a_finding_is_a_trace_of_its_run_with_text_and_picture(
    store: MlflowClient, run: Run
) -> None:
    assert replace_traces(store, run, [TRACE])
    (found,) = store.search_traces(
        locations=[run.info.experiment_id], run_id=run.info.run_id, include_spans=True
    )
    conversation, evidence = found.data.spans
    assert conversation.inputs["messages"][0]["content"] == "Is it real?"
    contents = [choice["message"]["content"] for choice in conversation.outputs["choices"]]
    assert contents[0].startswith("### Divergence\n\n![Evidence](mlflow-attachment://")
    assert contents[1:] == list(TRACE.answers)
    assert evidence.parent_id == conversation.span_id
    assert evidence.outputs["picture"] in contents[0]
    attachments = Path(found.info.tags["mlflow.artifactLocation"]) / "attachments"
    (picture,) = attachments.iterdir()
    assert picture.name in contents[0]
    assert picture.read_text() == "<svg/>"


def test_the_feedback_that_is_wanted_is_there_to_be_answered(
    store: MlflowClient, run: Run
) -> None:
    replace_traces(store, run, [TRACE])
    (info,) = find_traces(store, run.info.experiment_id, run.info.run_id)
    claims = {one.name: one.value for one in info.assessments}
    assert claims == {keys.REAL_PROBLEM: True, keys.TRACE_SEVERITY: "critical"}
    assert set(keys.TRACE_TAGS) <= info.tags.keys()


def test_ten_diagnoses_leave_one_trace_a_finding(store: MlflowClient, run: Run) -> None:
    for rise in range(10):
        replace_traces(store, run, [replace(TRACE, headline=f"It rose by {rise}"), OTHER])
    rules = [one.rule for one in read_verdicts(run.info.run_id, store.tracking_uri)]
    assert sorted(rules) == ["dead-units", "divergence"]


def test_what_has_not_changed_is_not_written_again(
    store: MlflowClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_traces(store, run, [TRACE])
    before = ids(store, run)
    monkeypatch.setattr(finding_traces, "trace_spans", None)
    assert replace_traces(store, run, [TRACE])
    assert ids(store, run) == before


def test_a_finding_that_is_gone_takes_its_trace_along(store: MlflowClient, run: Run) -> None:
    replace_traces(store, run, [TRACE, OTHER])
    replace_traces(store, run, [OTHER])
    assert ids(store, run) == {OTHER.id_in(run.info.run_id)}


def test_a_judged_trace_stays_and_stands_for_its_finding(store: MlflowClient, run: Run) -> None:
    replace_traces(store, run, [TRACE])
    judged = ids(store, run)
    say(store, *judged, False, why="a warm-up", person="tuneguard")
    replace_traces(store, run, [replace(TRACE, steps=(130.0, 400.0), headline="It went on.")])
    assert ids(store, run) == judged
    replace_traces(store, run, [])
    (finding,) = read_verdicts(run.info.run_id, store.tracking_uri)
    assert finding.outcome == "false alarm"
    assert finding.verdicts[0].rationale == "a warm-up"


@pytest.mark.parametrize(
    "changed", [replace(TRACE, severity="warning"), replace(TRACE, steps=(900.0, 950.0))]
)
def test_a_claim_that_nobody_judged_is_put_beside_the_judged_one(
    store: MlflowClient, run: Run, changed: FindingTrace
) -> None:
    replace_traces(store, run, [TRACE])
    (judged,) = ids(store, run)
    say(store, judged, True)
    replace_traces(store, run, [changed])
    assert ids(store, run) == {judged, changed.id_in(run.info.run_id)}


def test_a_half_written_trace_is_written_again(
    store: MlflowClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(store_of(store)), "log_spans", interrupt)
        with pytest.raises(KeyboardInterrupt):
            replace_traces(store, run, [TRACE])
    assert ids(store, run)
    replace_traces(store, run, [TRACE])
    trace = store.get_trace(TRACE.id_in(run.info.run_id), display=False)
    assert len(trace.data.spans) == 2
    assert len(trace.info.assessments) == 2


def test_a_failure_leaves_no_empty_trace(
    store: MlflowClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(type(store_of(store)), "log_spans", refuse)
    with pytest.raises(OSError, match="disk is full"):
        replace_traces(store, run, [TRACE])
    assert ids(store, run) == set()


def test_a_store_without_spans_says_so_and_keeps_nothing(
    store: MlflowClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(type(store_of(store)), "log_spans", refuse)
    assert not replace_traces(store, run, [TRACE])
    assert ids(store, run) == set()


def test_traces_go_to_the_run_s_own_store_whatever_mlflow_is_set_to(
    store: MlflowClient, run: Run, tmp_path: Path
) -> None:
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    try:
        replace_traces(store, run, [TRACE])
    finally:
        mlflow.set_tracking_uri(before)
    assert ids(store, run) == {TRACE.id_in(run.info.run_id)}
    assert not (tmp_path / "elsewhere.db").exists()


def test_only_people_s_feedback_is_a_verdict(store: MlflowClient, run: Run) -> None:
    replace_traces(store, run, [TRACE])
    (trace_id,) = ids(store, run)
    say(store, trace_id, False, person="bela", at=3_000, why=OWN_RATIONALE)
    say(store, trace_id, True, person="anna", at=1_000)
    say(store, trace_id, "fine", name="tone", person="anna", at=2_000)
    (finding,) = read_verdicts(run.info.run_id, store.tracking_uri)
    assert [(one.person, one.value, one.rationale) for one in finding.verdicts] == [
        ("anna", "True", ""),
        ("anna", "fine", ""),
        ("bela", "False", ""),
    ]
    assert finding.outcome == "disputed"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(finding_traces, "_PAGE", 2)


@pytest.mark.usefixtures("small_pages")
def test_an_experiment_is_read_over_pages(store: MlflowClient) -> None:
    experiment = store.create_experiment("paged")
    runs = [store.create_run(experiment) for _ in range(3)]
    for run in runs:
        replace_traces(store, run, [OTHER])
    store.create_run(experiment)
    found = read_experiment_verdicts("paged", store.tracking_uri)
    assert {one.run_id for one in found} == {run.info.run_id for run in runs}
