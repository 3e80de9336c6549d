"""Reading and reviewing over HTTP."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tuneguard.exceptions import RunNotFoundError
from tuneguard.storage.connection import find_run
from tuneguard.storage.live_tags import LiveTags
from tuneguard.storage.reader import load_run
from tuneguard.storage.review import Review, is_written, write_review
from tuneguard.storage.run_contact import RunContact


@pytest.fixture
def remote(server: str) -> MlflowClient:
    return MlflowClient(server)


@pytest.fixture
def remote_run(remote: MlflowClient, experiment: str) -> str:
    return str(remote.create_run(experiment, run_name="<b>run</b>").info.run_id)


def test_points_arrive_as_they_were_logged(remote: MlflowClient, remote_run: str) -> None:
    values = [1.0, math.nan, math.inf, -math.inf]
    rows = [Metric("loss", value, 1000 + i, i) for i, value in enumerate(values)]
    remote.log_batch(remote_run, metrics=rows)
    history = load_run(remote_run, remote.tracking_uri)
    found = history.series["loss"].values.tolist()
    assert [repr(value) for value in found] == ["1.0", "nan", "inf", "-inf"]
    assert history.identity.name == "<b>run</b>"


def test_a_review_is_written_and_found(
    remote: MlflowClient, remote_run: str, tmp_path: Path
) -> None:
    remote.set_terminated(remote_run)
    artifacts = {"tuneguard/a.md": "ä", "tuneguard/table.json": "{}"}
    review = Review("one", {"tuneguard.x": "1"}, "ok", artifacts, "tuneguard/table.json")
    before = find_run(remote, remote_run)
    write_review(remote, before, review)
    after = find_run(remote, remote_run)
    assert is_written(after, "one")
    assert after.info.to_proto() == before.info.to_proto()
    copy = remote.download_artifacts(remote_run, "tuneguard/a.md", str(tmp_path))
    assert Path(copy).read_text(encoding="utf-8") == "ä"


def test_tags_of_a_run_that_trains_come_and_go(remote: MlflowClient, remote_run: str) -> None:
    contact, tags = RunContact(remote.tracking_uri, remote_run), LiveTags()
    assert contact.is_plain
    tags.put({"tuneguard.verdict": "critical", "tuneguard.divergence": "critical @ step 9"})
    tags.send(contact)
    contact.remove_tag("tuneguard.never")
    tags.put({"tuneguard.verdict": "healthy"})
    tags.send(contact)
    found = remote.get_run(remote_run).data.tags
    assert {key: found[key] for key in found if key.startswith("tuneguard.")} == {
        "tuneguard.verdict": "healthy"
    }


def test_an_unknown_run(server: str) -> None:
    with pytest.raises(RunNotFoundError, match=server):
        load_run("0" * 32, server)
