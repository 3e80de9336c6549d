"""`tuneguard review` and `tuneguard view`: verdicts read back, and where they are given."""

from __future__ import annotations

import json

import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback

from tuneguard import keys
from tuneguard.storage.connection import store_of
from tuneguard.storage.finding_traces import replace_traces
from tuneguard.storage.trace_layout import FindingTrace

TRACE = FindingTrace(
    "divergence", "critical", (1, 9), "Divergence: it rose.", "Fix it.", "?", "It rose.", ()
)


@pytest.fixture
def judged_run(client, run_id):
    """A run whose finding somebody called a false alarm."""
    run = client.get_run(run_id)
    replace_traces(client, run, [TRACE])
    source = AssessmentSource(source_type="HUMAN", source_id="anna")
    feedback = Feedback(
        name=keys.REAL_PROBLEM,
        value=False,
        source=source,
        rationale="a \x1b[31mwarm-up",
        trace_id=TRACE.id_in(run_id),
    )
    store_of(client).create_assessment(feedback)
    return run_id


@pytest.fixture
def uri(tracking_uri, quiet_surroundings):
    """The store, which the command is told of."""
    return ("--tracking-uri", tracking_uri)


def test_verdicts_of_a_run_are_printed(invoke, uri, judged_run):
    result = invoke("review", judged_run, *uri)

    assert result.exit_code == 0
    assert f"divergence (critical) in run {judged_run}: false alarm" in result.stdout
    assert "anna says false alarm: a [31mwarm-up" in result.stdout
    assert result.stderr.startswith("Tracking URI: sqlite:///")


def test_verdicts_of_an_experiment_as_a_document(invoke, uri, judged_run):
    result = invoke("review", "--experiment", "training", "--format", "json", *uri)

    (rule,) = json.loads(result.stdout)["rules"]
    assert (rule["rule"], rule["false_alarms"]) == ("divergence", 1)


def test_verdicts_go_into_a_file(invoke, uri, judged_run, tmp_path):
    path = tmp_path / "verdicts.md"
    result = invoke("review", judged_run, "--format", "markdown", "--output", path, *uri)

    assert result.stdout == ""
    assert path.read_text().startswith("# Verdicts on findings")


def test_who_has_not_been_asked_yet_is_sent_to_the_findings(invoke, uri, client, run_id):
    replace_traces(client, client.get_run(run_id), [TRACE])
    result = invoke("review", run_id, *uri)

    assert "1 finding waits for a verdict" in result.stderr
    assert f"/runs/{run_id}/traces?workflowType=machine_learning" in result.stderr
    assert "mlflow server --backend-store-uri sqlite:///" in result.stderr


def test_findings_can_wait_in_a_queue(invoke, uri, client, run_id):
    pytest.importorskip("mlflow.genai.review_queues", reason="came with MLflow 3.14")
    replace_traces(client, client.get_run(run_id), [TRACE])
    result = invoke("review", "--experiment", "training", "--queue", *uri)

    assert result.exit_code == 0
    assert "1 finding waits in the review queue 'tuneguard findings': http" in result.stderr


def test_a_run_without_findings_is_no_error(invoke, uri, run_id):
    result = invoke("review", run_id, *uri)

    assert (result.exit_code, result.stdout) == (0, "")
    assert "no finding to judge" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("abc", "--experiment", "training")])
def test_either_a_run_or_an_experiment_is_asked_about(invoke, arguments):
    result = invoke("review", *arguments)

    assert result.exit_code == 2
    assert "either a RUN_ID or --experiment" in result.stderr


@pytest.mark.parametrize("command", [("review", "--experiment"), ("view", "install")])
def test_an_experiment_that_is_not_there_is_2(invoke, uri, command):
    result = invoke(*command, "missing", *uri)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "There is no experiment 'missing'" in result.stderr


# MLflow that still takes folders of files warns of them
@pytest.mark.filterwarnings("ignore:The filesystem tracking backend:FutureWarning")
def test_a_store_of_files_keeps_no_verdicts(invoke, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    store = MlflowClient((tmp_path / "mlruns").as_uri())
    run_id = store.create_run("0").info.run_id
    result = invoke("review", run_id, "--tracking-uri", store.tracking_uri)

    assert result.exit_code == 2
    assert "keeps no traces" in result.stderr


def test_a_view_is_installed_and_removed(invoke, uri, client, run_id):
    installed = invoke("view", "install", "training", *uri)
    removed = [invoke("view", "remove", "training", *uri).stderr for _ in range(2)]

    assert installed.stdout.startswith("http://127.0.0.1:5000/#/experiments/1/runs?viewStateShare")
    assert [one.splitlines()[-1].rpartition("' ")[2] for one in removed] == [
        "removed",
        "was not there",
    ]
