"""`tuneguard diagnose`: files and runs, formats, exit codes, what goes where."""

import json
import sys

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tuneguard.exceptions import StoreUnreachableError

HOSTILE = "<script>alert(1)</script>\x1b[2J"


def series_of(path):
    return json.loads(path.read_text())


@pytest.fixture
def make_run(tracking_uri):
    """Return a function that logs a history into a run, and returns its id."""
    client = MlflowClient(tracking_uri)

    def make(path, **tags):
        run = client.create_run("0", tags=tags)
        metrics = [
            Metric(key, value, 1000 * step, step)
            for key, points in series_of(path).items()
            for step, value in points
        ]
        client.log_batch(run.info.run_id, metrics=metrics)
        client.set_terminated(run.info.run_id)
        return run.info.run_id

    return make


def test_a_healthy_file_is_0(invoke, healthy_file):
    result = invoke("diagnose", healthy_file)

    assert result.exit_code == 0
    assert "HEALTHY" in result.stdout
    assert result.stderr == ""


def test_a_sick_file_is_1_and_names_the_finding(invoke, sick_file):
    result = invoke("diagnose", sick_file)

    assert result.exit_code == 1
    assert "Overfitting" in result.stdout


@pytest.mark.parametrize(("fail_on", "code"), [("info", 1), ("warning", 1), ("never", 0)])
def test_what_counts_is_chosen(invoke, sick_file, fail_on, code):
    assert invoke("diagnose", sick_file, "--fail-on", fail_on).exit_code == code


def test_too_little_to_judge_is_2_and_says_what_to_do(invoke, short_file):
    result = invoke("diagnose", short_file, "--fail-on", "never")

    assert result.exit_code == 2
    assert "INCONCLUSIVE" in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{short_file}: inconclusive. ")


def test_where_no_name_tells_the_loss_the_curves_are_named(invoke, tmp_path):
    file = tmp_path / "history.json"
    file.write_text(json.dumps({"perdida": [2.0, 1.5, 1.2], "once": [1.0]}))

    result = invoke("diagnose", file)

    assert result.exit_code == 2
    said = " ".join(result.stdout.split())
    assert "No name tells the training loss" in said
    assert "'perdida'" in said
    assert "'once'" not in said
    assert "--map train_loss=KEY" in said
    mapped = invoke("diagnose", file, "--map", "train_loss=perdida")
    assert "--map" not in mapped.stdout


def test_a_file_that_is_not_there_is_2(invoke):
    result = invoke("diagnose", "missing.json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: missing.json cannot be read")


def test_several_targets_are_all_diagnosed_and_the_worst_code_wins(
    invoke, sick_file, healthy_file
):
    result = invoke("diagnose", sick_file, "missing.json", healthy_file)

    assert result.exit_code == 2
    assert "Overfitting" in result.stdout
    assert "HEALTHY" in result.stdout
    assert invoke("diagnose", healthy_file, sick_file).exit_code == 1


def test_one_target_as_json_is_its_document(invoke, sick_file):
    document = json.loads(invoke("diagnose", sick_file, "--format", "json").stdout)

    assert document["verdict"] == "warning"
    assert document["findings"][0]["rule"] == "overfitting"


def test_several_targets_as_json_are_one_document(invoke, sick_file, healthy_file):
    result = invoke("diagnose", sick_file, "missing.json", healthy_file, "--format", "json")
    document = json.loads(result.stdout)

    assert [one["verdict"] for one in document["diagnoses"]] == ["warning", "healthy"]
    assert [one["target"] for one in document["errors"]] == ["missing.json"]


def test_markdown_is_printed(invoke, sick_file):
    assert invoke("diagnose", sick_file, "--format", "markdown").stdout.startswith("#")


def test_html_is_one_page_about_one_target(invoke, sick_file, healthy_file):
    page = invoke("diagnose", sick_file, "--format", "html")

    assert page.stdout.lower().startswith("<!doctype html>")
    assert invoke("diagnose", sick_file, healthy_file, "--format", "html").exit_code == 2


def test_the_result_can_go_into_a_file(invoke, sick_file, tmp_path):
    path = tmp_path / "diagnosis.json"
    result = invoke("diagnose", sick_file, "--format", "json", "--output", path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert json.loads(path.read_text())["verdict"] == "warning"
    assert str(path) in result.stderr


def test_a_folder_that_is_not_there_is_refused_before_any_work(invoke, sick_file):
    result = invoke("diagnose", sick_file, "--output", "missing/diagnosis.json")

    assert result.exit_code == 2
    assert "there is no folder missing" in result.stderr


def test_only_selected_rules_are_asked(invoke, sick_file):
    ignored = invoke("diagnose", sick_file, "--ignore", "overfitting,TG102")
    selected = invoke("diagnose", sick_file, "--select", "TG101", "--format", "json")

    assert "Overfitting" not in ignored.stdout
    assert len(json.loads(selected.stdout)["rules"]) == 1


def test_a_misspelt_rule_is_2_with_a_hint(invoke, sick_file):
    result = invoke("diagnose", sick_file, "--select", "overfiting")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Did you mean 'overfitting'?" in result.stderr


def test_a_role_can_be_taken_from_another_series(invoke, sick_file, tmp_path):
    renamed = tmp_path / "renamed.json"
    series = series_of(sick_file)
    renamed.write_text(json.dumps({"aim": series["train_loss"], "held": series["val_loss"]}))

    unknown = invoke("diagnose", renamed)
    mapped = invoke("diagnose", renamed, "--map", "train_loss=aim", "--map", "val_loss=held")

    assert unknown.exit_code == 2
    assert mapped.exit_code == 1


@pytest.mark.parametrize("wrong", ["train_loss", "=key", "train_loss="])
def test_a_mapping_that_is_none_is_refused(invoke, sick_file, wrong):
    assert invoke("diagnose", sick_file, "--map", wrong).exit_code == 2


def test_colours_are_off_where_output_is_no_terminal(invoke, sick_file):
    assert "\x1b" not in invoke("diagnose", sick_file, color=True).stdout


@pytest.mark.parametrize("output_format", ["text", "json", "markdown", "html"])
def test_a_hostile_name_cannot_act(invoke, sick_file, tmp_path, output_format):
    hostile, key = tmp_path / "hostile.json", f"{HOSTILE}validation"
    series = series_of(sick_file)
    hostile.write_text(json.dumps({key: series["val_loss"], "loss": series["train_loss"]}))

    shown = invoke("diagnose", hostile, "--map", f"val_loss={key}", "--format", output_format)

    assert shown.exit_code == 1
    assert "\x1b" not in shown.output
    assert output_format != "html" or "<script>alert" not in shown.stdout


def test_a_run_is_diagnosed_and_its_review_written(invoke, make_run, sick_file, tracking_uri):
    run_id = make_run(sick_file)

    first = invoke("diagnose", run_id, "--tracking-uri", tracking_uri)
    second = invoke("diagnose", run_id, "--tracking-uri", tracking_uri)

    tags = MlflowClient(tracking_uri).get_run(run_id).data.tags
    assert (first.exit_code, second.exit_code) == (1, 1)
    assert tags["tuneguard.verdict"] == "warning"
    assert f"Tracking URI: {tracking_uri}" in first.stderr
    assert f"Review of {run_id} written" in first.stderr
    assert "workflowType=machine_learning" in first.stderr
    assert f"Review of {run_id} unchanged" in second.stderr


@pytest.mark.usefixtures("undrawn")
def test_the_page_where_findings_are_judged_is_printed_unless_they_are_no_traces(
    invoke, make_run, sick_file, tracking_uri
):
    run_id = make_run(sick_file)
    store = ("--tracking-uri", tracking_uri)
    without = invoke("diagnose", run_id, "--no-traces", *store)
    review = invoke("review", run_id, *store)
    judged = invoke("diagnose", run_id, *store)

    assert "/traces?" not in without.stderr
    assert "no finding to judge" in review.stderr
    assert f"/runs/{run_id}/traces?workflowType=machine_learning" in judged.stderr


def test_no_write_leaves_the_run_alone(invoke, make_run, sick_file, tracking_uri, monkeypatch):
    run_id = make_run(sick_file)
    # what writes, traces included, is not even imported
    monkeypatch.setitem(sys.modules, "tuneguard.reviewing", None)

    result = invoke("diagnose", run_id, "--no-write", "--tracking-uri", tracking_uri)

    tags = MlflowClient(tracking_uri).get_run(run_id).data.tags
    assert result.exit_code == 1
    assert not any(key.startswith("tuneguard.") for key in tags)


def test_a_run_that_is_not_there_is_2_and_the_store_is_said(invoke, tracking_uri):
    result = invoke("diagnose", "0" * 32, "--tracking-uri", tracking_uri)

    assert (result.exit_code, result.stdout) == (2, "")
    assert tracking_uri in result.stderr
    assert "Traceback" not in result.stderr


def test_a_review_that_cannot_be_written_is_2_but_the_result_is_there(
    invoke, make_run, sick_file, tracking_uri, monkeypatch
):
    def refuse(*_, **__):
        raise StoreUnreachableError("The store refused.")

    monkeypatch.setattr("tuneguard.reviewing.publish_review", refuse)
    result = invoke("diagnose", make_run(sick_file), "--tracking-uri", tracking_uri)

    assert result.exit_code == 2
    assert "Overfitting" in result.stdout
    assert "was not written: The store refused." in result.stderr


def test_no_target_is_a_usage_error(invoke):
    assert invoke("diagnose").exit_code == 2
