"""`tuneguard compare` on files and runs."""

from __future__ import annotations

import json
import math

import pytest


def write(path, end, wobble=0.003, phase=1.0, **more):
    loss = [
        end + 2.0 * math.exp(-epoch / 8.0) + wobble * math.sin(7.0 * phase * epoch)
        for epoch in range(60)
    ]
    series = {"val_loss": list(enumerate(loss)), **more}
    path.write_text(json.dumps(series))
    return path


@pytest.fixture
def before(tmp_path):
    return write(tmp_path / "before.json", 0.5)


@pytest.fixture
def after(tmp_path):
    return write(tmp_path / "after.json", 0.2, phase=1.3)


def test_a_better_run_is_said_to_be_better(invoke, before, after):
    result = invoke("compare", before, after)
    assert result.exit_code == 0
    assert result.stdout.startswith("BETTER  Validation loss 0.5")


@pytest.mark.parametrize(
    ("fail_on", "expected"),
    [("worse", [1, 0, 0]), ("not-better", [1, 1, 0]), ("never", [0, 0, 0])],
)
def test_exit_codes(invoke, before, after, fail_on, expected):
    worse_same_better = [(after, before), (before, before), (before, after)]
    codes = [
        invoke("compare", *pair, "--fail-on", fail_on).exit_code for pair in worse_same_better
    ]
    assert codes == expected


def test_what_cannot_be_told_ends_with_2_and_says_what_to_do(invoke, before, tmp_path):
    near = write(tmp_path / "near.json", 0.43, phase=1.3)
    result = invoke("compare", before, near, "--fail-on", "never")
    assert result.exit_code == 2
    assert "Train three seeds of each" in result.stderr
    known = invoke("compare", before, near, "--seed-noise", "0.001")
    assert known.exit_code == 0
    assert known.stdout.startswith("BETTER")


def test_several_seeds_are_separated_by_commas(invoke, before, after, tmp_path):
    others = [write(tmp_path / f"{i}.json", end, phase=i) for i, end in enumerate((0.51, 0.21), 2)]
    result = invoke(
        "compare", f"{before},{others[0]}", f"{after}, {others[1]}", "--format", "json"
    )
    document = json.loads(result.stdout)
    assert (document["cost_before"]["runs"], document["cost_after"]["runs"]) == (2, 2)
    assert document["effects"][0]["noise_is"] == "measured"


def test_a_file_whose_name_has_a_comma_is_one_file(invoke, after, tmp_path):
    odd = write(tmp_path / "a,b.json", 0.5)
    assert invoke("compare", odd, after).exit_code == 0


def test_a_metric_can_be_chosen_with_its_direction(invoke, tmp_path):
    def scored(name, factor):
        scores = [[epoch, factor * (1.0 - math.exp(-epoch / 8.0))] for epoch in range(60)]
        return write(tmp_path / name, 0.5, **{"my score": scores})

    one, other = scored("one.json", 1.0), scored("other.json", 2.0)
    assert invoke("compare", one, other, "--metric", "my score=higher").exit_code == 0
    assert invoke("compare", one, other, "--metric", "my score=lower").exit_code == 1
    unknown = invoke("compare", one, other, "--metric", "my score")
    assert unknown.exit_code == 2
    assert "=higher or" in unknown.stderr
    assert invoke("compare", one, other, "--metric", "my score=up").exit_code == 2


def test_the_page_is_written_whole_into_a_file(invoke, before, after, tmp_path):
    page = tmp_path / "change.html"
    result = invoke("compare", before, after, "--format", "html", "--output", page)
    assert (result.exit_code, result.stdout) == (0, "")
    assert page.read_text().rstrip().endswith("</html>")
    assert "<svg" in page.read_text()


def test_markdown_has_a_table(invoke, before, after):
    assert "| validation loss |" in invoke("compare", before, after, "--format", "markdown").stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["missing.json", "missing.json"], "missing.json"),
        ([",", "x.json"], "at least one run"),
        (["before.json", "after.json", "--paired-on", "time"], "step_seconds"),
        (["before.json", "after.json", "--map", "val_loss"], "ROLE=KEY"),
    ],
)
def test_what_is_wrong_is_one_clear_line(invoke, before, after, arguments, word):
    result = invoke("compare", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr.splitlines()[-1]


def test_runs_of_mlflow_are_compared_and_left_alone(invoke, client, run_id, tracking_uri, after):
    for step in range(40):
        client.log_metric(run_id, "val_loss", 0.5 + 2.0 * math.exp(-step / 8.0), step=step)
    client.set_terminated(run_id)
    tags = client.get_run(run_id).data.tags
    result = invoke("compare", run_id, run_id, "--tracking-uri", tracking_uri)
    assert result.exit_code == 0
    assert "the same number for number" in " ".join(result.stdout.split())
    assert f"Tracking URI: {tracking_uri}" in result.stderr
    assert f"/runs/{run_id}?workflowType=machine_learning" in result.stderr
    assert result.stderr.count("mlflow server") == 1
    assert client.get_run(run_id).data.tags == tags
