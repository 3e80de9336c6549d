"""`tuneguard evidence`, and what past runs add to `diagnose` and `treat`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from mlflow import MlflowClient

from tests.cli.conftest import Invoke
from tests.team_runs import Team
from tuneguard import keys
from tuneguard.reports.document import load_schema

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def team(client: MlflowClient) -> Team:
    return Team(client)


@pytest.fixture
def followed(team: Team) -> tuple[str, str]:
    before = team.run(overfits=True, lr=0.1, dropout=0, seed=1)
    return before, team.run(lr=0.1, dropout=0.3, seed=1)


def tried(team: Team, run_id: str, times: int) -> None:
    """Write attempts of treatments that helped, as tags of small runs."""
    tags = {
        keys.TAG_TRIAL: "a",
        keys.TAG_TREATED_RULE: "overfitting",
        keys.TAG_REMEDY: "raise dropout",
        keys.TAG_OUTCOME: "kept: Better.",
    }
    for number in range(times):
        run = team.client.create_run(team.experiment)
        for key, value in {**tags, keys.TAG_CHANGE: f"{run_id} {number}"}.items():
            team.client.set_tag(run.info.run_id, key, value)


def test_counts_are_shown_with_what_they_rest_on(
    invoke: Invoke, followed: tuple[str, str]
) -> None:
    done = invoke("evidence", "--experiment", "vision")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    (row,) = (line for line in lines if "raise dropout" in line)
    assert row.split()[:6] == ["overfitting", "raise", "dropout", "1", "1", "100%"]
    assert followed[1][:8] in row
    assert lines[-1].startswith("Looked at 2 runs: 0 attempts of treatments, 1 diagnosis read")
    assert "Tracking URI" in done.stderr


def test_json_and_markdown_hold_the_same(
    invoke: Invoke, followed: tuple[str, str], tmp_path: Path
) -> None:
    asked = ("evidence", "--experiment", "vision", "--format")
    document = json.loads(invoke(*asked, "json").stdout)
    (record,) = (one for one in document["records"] if one["change"] == "raise dropout")
    assert (record["rule"], record["tried"], record["helped"]) == ("overfitting", 1, 1)
    assert record["last_runs"] == [followed[1]]
    assert document["looked_at"]["compared"] == document["looked_at"]["pairs"]
    invoke(*asked, "markdown", "--output", tmp_path / "evidence.md")
    assert "| overfitting | raise dropout | 1 | 1 |" in (tmp_path / "evidence.md").read_text()


def test_nothing_tried_ends_with_2_and_says_what_to_do(invoke: Invoke, team: Team) -> None:
    team.run(reviewed=False)
    done = invoke("evidence", "--experiment", "vision")
    assert done.exit_code == 2
    assert "tuneguard scan --write-review" in done.stderr
    assert "Never diagnosed: 1 run." in done.stdout


def test_an_experiment_that_is_not_there_ends_with_2(invoke: Invoke, team: Team) -> None:
    done = invoke("evidence", "--experiment", "nowhere")
    assert done.exit_code == 2
    assert "There is no experiment 'nowhere'" in done.stderr


def test_what_is_left_for_later_is_said(
    invoke: Invoke, team: Team, followed: tuple[str, str]
) -> None:
    team.run(lr=0.1, dropout=0.4, seed=1)
    done = invoke("evidence", "--experiment", "vision", "--most-comparisons", 1)
    assert "--most-comparisons" in done.stdout


def test_prescriptions_are_shown_in_the_order_of_their_success(
    invoke: Invoke, team: Team, followed: tuple[str, str]
) -> None:
    tried(team, followed[0], 6)
    asked = ("diagnose", followed[0], "--format", "json", "--select", "overfitting")
    plain = json.loads(invoke(*asked).stdout)
    done = invoke(*asked, "--evidence-from", "vision")
    document = json.loads(done.stdout)
    Draft202012Validator(load_schema()).validate(document)
    (before,), (after,) = plain["findings"], document["findings"]
    assert before["prescriptions"][0]["parameter"] != "dropout"
    assert after["prescriptions"][0]["parameter"] == "dropout"
    said = "helped in 7 of 7 runs of vision"
    assert after["prescriptions"][0]["track_record"] == said
    assert all("track_record" not in one for one in before["prescriptions"])
    for output_format in ("text", "markdown", "html"):
        shown = invoke(*asked[:2], "--evidence-from", "vision", "--format", output_format)
        assert said in shown.stdout


def test_the_review_stays_that_of_the_run_alone(
    invoke: Invoke, team: Team, followed: tuple[str, str], tmp_path: Path
) -> None:
    tried(team, followed[0], 6)
    invoke("diagnose", followed[0], "--force", "--evidence-from", "vision")
    path = team.client.download_artifacts(followed[0], "tuneguard/diagnosis.json", str(tmp_path))
    assert "track_record" not in Path(path).read_text()


def test_a_run_is_put_beside_good_ones(invoke: Invoke, team: Team) -> None:
    for seed in range(5):
        team.run(seed=seed)
    odd = team.run(seed=9, norm=40.0)
    done = invoke("diagnose", odd, "--no-write", "--baseline", "vision")
    assert "Outside the range of the last 5 good runs of vision" in done.stdout
    assert "times that of the median good run" in done.stdout
    assert done.exit_code == invoke("diagnose", odd, "--no-write").exit_code
    asked = ("diagnose", odd, "--no-write", "--baseline", "vision", "--format")
    document = json.loads(invoke(*asked, "json").stdout)
    Draft202012Validator(load_schema()).validate(document)
    (departure,) = document["beside_good_runs"]["departures"]
    assert departure["metric"] == "grad_norm"
    assert departure["value"] / departure["usual"] == pytest.approx(40, rel=0.3)
    assert "## Beside good runs" in invoke(*asked, "markdown").stdout
    assert "of the median good run" in invoke(*asked, "html").stdout


def test_too_few_good_runs_are_said(invoke: Invoke, followed: tuple[str, str]) -> None:
    done = invoke("diagnose", followed[0], "--no-write", "--baseline", followed[1])
    assert "Not compared with good runs of your choice: there is 1" in " ".join(
        done.stdout.split()
    )


def test_past_runs_that_cannot_be_read_end_with_2(
    invoke: Invoke, followed: tuple[str, str]
) -> None:
    for option in ("--baseline", "--evidence-from"):
        done = invoke("diagnose", followed[0], "--no-write", option, "nowhere")
        assert done.exit_code == 2
        assert "There is no experiment 'nowhere'" in done.stderr


MODULE = """
import mlflow
from mlflow.entities import Metric
from tests.team_runs import _losses


def train(params):
    run = mlflow.active_run()
    overfits = params["dropout"] == 0
    points = []
    for epoch in range(60):
        train, validation = _losses(epoch, overfits=overfits)
        points += [Metric("train_loss", train, 0, epoch), Metric("val_loss", validation, 0, epoch)]
    mlflow.MlflowClient().log_batch(run.info.run_id, metrics=points)
"""


def test_a_treatment_tries_first_what_helped_before(
    invoke: Invoke,
    team: Team,
    followed: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried(team, followed[0], 6)
    name = f"loop_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    given = ("--param", "dropout=0", "--param", "patience=100")
    for options, first in (((), "patience"), (("--evidence-from", "vision"), "dropout")):
        done = invoke(
            "treat", f"{name}:train", *given, *options, "--fresh", "--max-trainings", 2,
            "--format", "json",
        )  # fmt: skip
        assert [*json.loads(done.stdout)["attempts"][1]["changed"]] == [first], done.stderr
