"""The tags of a run that trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard.findings import Evidence, Finding, Severity
from tuneguard.spool.manifest import Manifest, new_recorder_id
from tuneguard.spool.spool_folder import Spool, Ticket
from tuneguard.storage.delivery import Delivery
from tuneguard.storage.live_tags import LiveTags, live_tags


class Run:
    """A run in memory, whose store may be away."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.written: list[set[str]] = []
        self.is_away = False

    def log_facts(self, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        if self.is_away:
            raise OSError("nobody answers")
        self.tags.update(tags)
        self.written.append(set(tags))

    def remove_tag(self, key: str) -> None:
        del self.tags[key]


def finding(rule: str, severity: Severity = Severity.WARNING) -> Finding:
    evidence = Evidence("train/loss", "rise", 2.0, 1.0, (120.0, 200.0))
    return Finding(rule, "TG402", severity, "It rose.", "So what.", (evidence,), 0.9)


def test_tags_say_what_a_review_says() -> None:
    present = [finding("divergence", Severity.CRITICAL), finding("loss-spikes")]
    tags = live_tags(present, "critical")
    assert tags.pop("tuneguard.version")
    assert tags == {
        "tuneguard.verdict": "critical",
        "tuneguard.findings": "divergence, loss-spikes",
        "tuneguard.divergence": "critical @ step 120",
        "tuneguard.loss-spikes": "warning @ step 120",
    }
    assert live_tags([], "healthy")["tuneguard.findings"] == "none"


def test_only_what_is_new_is_written_and_what_is_stale_goes() -> None:
    run, tags = Run(), LiveTags()
    assert not tags.is_due
    tags.put({"a": "1", "b": "1"})
    tags.send(run)
    tags.put({"a": "1", "c": "1"})
    assert tags.is_due
    tags.send(run)
    assert run.tags == {"a": "1", "c": "1"}
    assert run.written == [{"a", "b"}, {"c"}]
    assert not tags.is_due


def test_what_a_store_did_not_take_is_sent_again() -> None:
    run, tags = Run(), LiveTags()
    run.is_away = True
    tags.put({"a": "1"})
    with pytest.raises(OSError, match="nobody"):
        tags.send(run)
    run.is_away = False
    assert tags.is_due
    tags.send(run)
    assert run.tags == {"a": "1"}


def test_a_delivery_writes_and_removes_tags(
    client: MlflowClient, tracking_uri: str, run_id: str, spool_root: Path
) -> None:
    manifest = Manifest(new_recorder_id())
    spool = Spool.create(spool_root, Ticket(tracking_uri, run_id), manifest)
    delivery = Delivery(spool)
    delivery.tags.put(live_tags([finding("divergence")], "warning"))
    delivery.send()
    assert client.get_run(run_id).data.tags["tuneguard.divergence"] == "warning @ step 120"
    client.delete_tag(run_id, "tuneguard.divergence")
    delivery.tags.put(live_tags([], "healthy"))
    delivery.send()
    tags = client.get_run(run_id).data.tags
    assert (tags["tuneguard.verdict"], tags["tuneguard.findings"]) == ("healthy", "none")
    assert "tuneguard.divergence" not in tags
    spool.remove()
