"""A diagnosis becomes a review in the run that was diagnosed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.diagnosis import Diagnosis
from tuneguard.exceptions import RunDeletedError, RunNotFoundError
from tuneguard.findings import Evidence, Finding, Line, Picture, Severity, View
from tuneguard.reviewing import is_reviewed, publish_review, publish_tags
from tuneguard.rules import BUILTIN_RULES
from tuneguard.storage.reader import FoundRun, load_run, look_up
from tuneguard.storage.verdicts import read_verdicts

EVIDENCE = Evidence("loss", "rise above the best", 3.0, 1.0, (120, 200))
PICTURE = Picture(View(("loss",)), (Line("loss", (0, 120, 200), (1.0, 0.5, 4.0)),))
SYMPTOM = Finding("dead-units", "TG203", Severity.WARNING, "Units died.", "Why.", (EVIDENCE,), 0.5)
FINDING = Finding(
    "divergence",
    "TG402",
    Severity.CRITICAL,
    "The loss <b>rose</b>.",
    "Why.",
    (EVIDENCE,),
    0.9,
    symptoms=(SYMPTOM,),
    picture=PICTURE,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> MlflowClient:
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    path.write_bytes(empty_store.read_bytes())
    client = MlflowClient(f"sqlite:///{path}")
    client.create_experiment("training", artifact_location=str(path.parent / "artifacts"))
    return client


@pytest.fixture
def diagnosis(store: MlflowClient) -> Diagnosis:
    experiment = store.get_experiment_by_name("training")
    run_id = store.create_run(experiment.experiment_id, run_name="<img src=x>").info.run_id
    store.log_metric(run_id, "loss", 1.0)
    store.update_run(run_id, status="FINISHED")
    history = load_run(run_id, store.tracking_uri)
    return Diagnosis("critical", (FINDING,), (), (), identity=history.identity, rules=("TG402",))


def tags(store: MlflowClient, diagnosis: Diagnosis) -> dict[str, str]:
    return dict(store.get_run(diagnosis.identity.run_id).data.tags)


def test_every_surface_is_written(store: MlflowClient, diagnosis: Diagnosis) -> None:
    published = publish_review(diagnosis)
    assert published.was_written
    assert diagnosis.identity.run_id in published.url
    found = tags(store, diagnosis)
    assert found[keys.TAG_VERDICT] == "critical"
    assert found[keys.TAG_FINDINGS] == "divergence, dead-units"
    assert found["tuneguard.divergence"] == "critical @ step 120"
    assert found["tuneguard.dead-units"] == "warning @ step 120"
    assert (
        "get-artifact?path=tuneguard%2Fevidence%2Fdivergence.svg" in found["mlflow.note.content"]
    )
    run_id = diagnosis.identity.run_id
    assert {Path(entry.path).name for entry in store.list_artifacts(run_id, "tuneguard")} == {
        "report.html",
        "report.md",
        "diagnosis.json",
        "findings_table.json",
        "evidence",
    }
    (picture,) = store.list_artifacts(run_id, "tuneguard/evidence")
    assert picture.path == "tuneguard/evidence/divergence.svg"


def test_the_documents_are_valid(
    store: MlflowClient, diagnosis: Diagnosis, tmp_path: Path
) -> None:
    publish_review(diagnosis)
    folder = Path(store.download_artifacts(diagnosis.identity.run_id, "tuneguard", str(tmp_path)))
    assert json.loads((folder / "diagnosis.json").read_text())["verdict"] == "critical"
    assert set(json.loads((folder / "findings_table.json").read_text())) == {"columns", "data"}
    report = (folder / "report.html").read_text()
    assert "<img src=x>" not in report
    assert "<b>rose</b>" not in report


@pytest.mark.usefixtures("undrawn")
def test_the_same_review_is_written_once(store: MlflowClient, diagnosis: Diagnosis) -> None:
    assert publish_review(diagnosis).was_written
    store.set_tag(diagnosis.identity.run_id, keys.TAG_VERDICT, "edited")
    again = replace(
        diagnosis, identity=load_run(diagnosis.identity.run_id, store.tracking_uri).identity
    )
    assert not publish_review(again).was_written
    assert tags(store, diagnosis)[keys.TAG_VERDICT] == "edited"
    assert publish_review(again, force=True).was_written
    assert tags(store, diagnosis)[keys.TAG_VERDICT] == "critical"


@pytest.mark.usefixtures("undrawn")
def test_other_rules_make_another_review(store: MlflowClient, diagnosis: Diagnosis) -> None:
    publish_review(diagnosis)
    healthy = replace(diagnosis, verdict="healthy", findings=(), rules=("TG101",))
    assert publish_review(healthy).was_written
    found = tags(store, diagnosis)
    assert found[keys.TAG_FINDINGS] == "none"
    assert "tuneguard.divergence" not in found


@pytest.mark.usefixtures("undrawn")
def test_tags_alone_are_no_whole_review(store: MlflowClient, diagnosis: Diagnosis) -> None:
    (rule,) = (one() for one in BUILTIN_RULES if one.id == "TG402")
    diagnosis = replace(diagnosis, rules=(rule.setting,))

    def found() -> FoundRun:
        return look_up(store, store.get_run(diagnosis.identity.run_id))

    assert not is_reviewed(found(), [rule], whole=False)
    publish_tags(diagnosis, found())
    assert tags(store, diagnosis)["tuneguard.divergence"] == "critical @ step 120"
    assert is_reviewed(found(), [rule], whole=False)
    assert not is_reviewed(found(), [rule], whole=True)
    assert not is_reviewed(found(), [], whole=False)
    assert publish_review(diagnosis).was_written
    assert is_reviewed(found(), [rule], whole=True)


def test_an_epoch_is_called_an_epoch(store: MlflowClient, diagnosis: Diagnosis) -> None:
    finding = replace(FINDING, picture=replace(PICTURE, axis="epoch"), symptoms=())
    publish_review(replace(diagnosis, findings=(finding,)))
    assert tags(store, diagnosis)["tuneguard.divergence"] == "critical @ epoch 120"


def test_a_deleted_run_cannot_be_written_to(store: MlflowClient, diagnosis: Diagnosis) -> None:
    store.delete_run(diagnosis.identity.run_id)
    with pytest.raises(RunDeletedError, match="Restore it first"):
        publish_review(diagnosis)


def test_a_diagnosis_of_a_file_has_no_run() -> None:
    with pytest.raises(RunNotFoundError, match="not of a run"):
        publish_review(Diagnosis("healthy", (), (), ()))


def traces(store: MlflowClient, diagnosis: Diagnosis) -> list[str]:
    findings = read_verdicts(diagnosis.identity.run_id, store.tracking_uri)
    return [finding.rule for finding in findings]


def test_each_finding_is_a_trace_the_cause_on_top(
    store: MlflowClient, diagnosis: Diagnosis
) -> None:
    published = publish_review(diagnosis)
    assert published.keeps_traces
    assert published.findings_url.endswith(
        f"/runs/{diagnosis.identity.run_id}/traces?workflowType=machine_learning"
    )
    assert traces(store, diagnosis) == ["divergence", "dead-units"]


@pytest.mark.usefixtures("undrawn")
def test_without_traces_none_is_written_and_the_next_review_adds_them(
    store: MlflowClient, diagnosis: Diagnosis
) -> None:
    published = publish_review(diagnosis, traces=False)
    assert published.findings_url == ""
    assert traces(store, diagnosis) == []
    assert not publish_review(diagnosis, traces=False).was_written
    assert publish_review(diagnosis).was_written
    assert traces(store, diagnosis) == ["divergence", "dead-units"]
    assert not publish_review(diagnosis).was_written


@pytest.mark.usefixtures("undrawn")
def test_writing_the_same_again_asks_nobody_again(
    store: MlflowClient, diagnosis: Diagnosis
) -> None:
    def asked() -> list[tuple[str, int]]:
        findings = read_verdicts(diagnosis.identity.run_id, store.tracking_uri)
        return [(finding.trace_id, finding.written_at) for finding in findings]

    publish_review(diagnosis)
    before = asked()
    publish_review(diagnosis, force=True)
    assert asked() == before


@pytest.mark.usefixtures("undrawn")
def test_a_symptom_of_two_causes_is_one_trace(store: MlflowClient, diagnosis: Diagnosis) -> None:
    other = replace(FINDING, rule="no-learning")
    publish_review(replace(diagnosis, findings=(FINDING, other)))
    assert sorted(traces(store, diagnosis)) == ["dead-units", "divergence", "no-learning"]


def test_a_run_without_findings_shows_its_course(
    store: MlflowClient, diagnosis: Diagnosis
) -> None:
    healthy = replace(diagnosis, verdict="healthy", findings=(), overview=PICTURE)
    publish_review(healthy)
    assert "tuneguard%2Fevidence%2Frun.svg" in tags(store, healthy)["mlflow.note.content"]
