"""Ten diagnoses of one run: what people wrote and what the training left stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from tests.real.harness.reviewed import without_chatter
from tuneguard.cli import main
from tuneguard.storage.finding_traces import find_traces

NOTES = "# Second try\n\nlearning rate *halved*, see `#42`\n\n- [ ] repeat with seed 1\n"
AFTERTHOUGHT = "\n\nTalked to Ada: the labels are **wrong**.\n"
BEGIN, END = "<!-- tuneguard:begin -->", "<!-- tuneguard:end -->"
PEOPLES_TAGS = {"team": "vision", "tuneguard.note": "ours", "tuneguard.owner": "warning: ask Ada"}
DESCRIPTION = "mlflow.note.content"


@pytest.fixture(scope="module")
def run_id(postgresql_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that overfits, with a person's notes, tags and files."""
    from tests.real.harness.trainings import train

    with pytest.MonkeyPatch.context() as patch:
        for name, value in without_chatter(tmp_path_factory.mktemp("spool")).items():
            patch.setenv(name, value)
        run_id = train("overfitting", postgresql_server, "ten diagnoses")
    client = MlflowClient(postgresql_server)
    for key, value in {**PEOPLES_TAGS, DESCRIPTION: NOTES}.items():
        client.set_tag(run_id, key, value)
    client.log_text(run_id, "by hand", "notes/mine.txt")
    client.log_table(run_id, {"seed": [1, 2]}, "seeds.json")
    return run_id


def left_by_others(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """Return all of a run but its description and what a review adds to it."""
    run = client.get_run(run_id)
    tags = {
        key: value
        for key, value in run.data.tags.items()
        if key in PEOPLES_TAGS or not key.startswith(("tuneguard.", DESCRIPTION, "mlflow.logged"))
    }
    experiment = client.get_experiment(run.info.experiment_id)
    return {
        "info": dict(run.info),
        "metrics": run.data.metrics,
        "params": run.data.params,
        "tags": tags,
        "files": [one.path for one in client.list_artifacts(run_id) if one.path != "tuneguard"],
        "experiment": (experiment.name, experiment.tags),
    }


def test_everything_of_others_is_unchanged_on_postgresql(
    postgresql_server: str, run_id: str, tmp_path: Path
) -> None:
    client = MlflowClient(postgresql_server)
    before = left_by_others(client, run_id)
    for turn in range(10):
        options = [["--force"], [], ["--force", "--ignore", "overfitting"]][turn % 3]
        command = ["diagnose", run_id, "--tracking-uri", postgresql_server, *options]
        result = CliRunner().invoke(main, command)
        assert result.exit_code in {0, 1}, result.output
        if turn == 5:
            text = client.get_run(run_id).data.tags[DESCRIPTION]
            client.set_tag(run_id, DESCRIPTION, text + AFTERTHOUGHT)

    assert left_by_others(client, run_id) == before
    run = client.get_run(run_id)
    description = run.data.tags[DESCRIPTION]
    assert (description.count(BEGIN), description.count(END)) == (1, 1)
    assert description.partition(BEGIN)[0] == NOTES + "\n\n"
    assert description.partition(END)[2] == AFTERTHOUGHT
    logged = run.data.tags["mlflow.loggedArtifacts"]
    assert logged.count("seeds.json") == 1
    assert logged.count("findings_table.json") == 1
    note = client.download_artifacts(run_id, "notes/mine.txt", str(tmp_path))
    assert Path(note).read_text() == "by hand"
    traces = [
        one.tags["tuneguard.rule"] for one in find_traces(client, run.info.experiment_id, run_id)
    ]
    assert len(traces) == len(set(traces))
    assert "overfitting" in traces
