"""Of a review, only the tags."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.storage.connection import find_run
from tuneguard.storage.review import write_tags

TAGS = {
    keys.TAG_VERDICT: "critical",
    keys.TAG_FINDINGS: "divergence",
    "tuneguard.divergence": "critical @ step 120",
}
HEALTHY = {keys.TAG_VERDICT: "healthy", keys.TAG_FINDINGS: "none"}


def ours(client: MlflowClient, run_id: str) -> dict[str, str]:
    found = client.get_run(run_id).data.tags
    return {key: value for key, value in found.items() if key.startswith("tuneguard.")}


def test_nothing_but_tags_is_written(client: MlflowClient, run_id: str) -> None:
    client.set_tag(run_id, "mlflow.note.content", "My notes.")
    client.set_terminated(run_id, "FAILED", end_time=12345)
    before = client.get_run(run_id).info.to_proto()
    write_tags(client, find_run(client, run_id), TAGS, "one-tags")
    assert ours(client, run_id) == {**TAGS, keys.TAG_FINGERPRINT: "one-tags"}
    assert client.get_run(run_id).data.tags["mlflow.note.content"] == "My notes."
    assert client.get_run(run_id).info.to_proto() == before
    assert client.list_artifacts(run_id) == []


def test_tags_of_findings_that_are_gone_are_removed(client: MlflowClient, run_id: str) -> None:
    write_tags(client, find_run(client, run_id), TAGS, "one-tags")
    write_tags(client, find_run(client, run_id), HEALTHY, "two-tags")
    assert ours(client, run_id) == {**HEALTHY, keys.TAG_FINGERPRINT: "two-tags"}


def test_a_tag_that_somebody_else_removed_meanwhile(client: MlflowClient, run_id: str) -> None:
    write_tags(client, find_run(client, run_id), TAGS, "one-tags")
    seen = find_run(client, run_id)
    client.delete_tag(run_id, "tuneguard.divergence")
    client.delete_tag(run_id, keys.TAG_FINGERPRINT)
    write_tags(client, seen, HEALTHY, "two-tags")
    assert ours(client, run_id) == {**HEALTHY, keys.TAG_FINGERPRINT: "two-tags"}


def test_an_interrupted_writing_leaves_no_fingerprint(
    client: MlflowClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tags(client, find_run(client, run_id), TAGS, "one-tags")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "log_batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_tags(client, find_run(client, run_id), HEALTHY, "two-tags")
    assert keys.TAG_FINGERPRINT not in ours(client, run_id)
