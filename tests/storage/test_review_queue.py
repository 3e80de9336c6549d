"""Findings in MLflow's review queue: which wait there, once, and with which question."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.feedback import TracedFinding, Verdict
from tuneguard.storage import review_queue
from tuneguard.storage.connection import store_of
from tuneguard.storage.review_queue import QUEUE, enqueue

pytest.importorskip("mlflow.genai.review_queues", reason="came with MLflow 3.14")

VERDICT = Verdict("anna", keys.REAL_PROBLEM, "True", "", 0)


@pytest.fixture
def experiment(client: MlflowClient) -> str:
    return str(client.create_experiment("training"))


def finding(experiment: str, number: int, *verdicts: Verdict) -> TracedFinding:
    trace = f"tr-{number:032x}"
    return TracedFinding(experiment, "run", trace, "divergence", "critical", "x", 0, verdicts)


def waiting(client: MlflowClient, experiment: str) -> set[int]:
    store = store_of(client)
    queue = store.get_review_queue_by_name(experiment, name=QUEUE)
    items = store.list_review_queue_items(queue.queue_id, status="pending")
    return {int(item.item_id.removeprefix("tr-"), 16) for item in items}


def test_what_nobody_judged_waits_once(client: MlflowClient, experiment: str) -> None:
    findings = [finding(experiment, 1), finding(experiment, 2, VERDICT), finding(experiment, 3)]
    for _ in range(2):
        put = enqueue(findings, client.tracking_uri)
    assert put.count == 2
    assert f"/#/experiments/{experiment}/review-queue" in put.url
    assert waiting(client, experiment) == {1, 3}


def test_the_question_is_the_one_that_is_read_back(client: MlflowClient, experiment: str) -> None:
    enqueue([finding(experiment, 1)], client.tracking_uri)
    question = store_of(client).get_label_schema_by_name(experiment, keys.REAL_PROBLEM)
    assert (question.input.positive_label, question.input.negative_label) == (
        "real problem",
        "false alarm",
    )
    assert question.enable_comment


def test_only_a_look_at_the_whole_experiment_takes_out_what_is_gone(
    client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_queue, "_BATCH", 2)
    enqueue([finding(experiment, number) for number in range(5)], client.tracking_uri)
    enqueue([finding(experiment, 5)], client.tracking_uri)
    assert waiting(client, experiment) == set(range(6))
    left = [finding(experiment, 1), finding(experiment, 2, VERDICT)]
    enqueue(left, client.tracking_uri, is_whole_experiment=True)
    assert waiting(client, experiment) == {1, 2}


def test_a_store_without_queues_is_an_error_that_says_what_to_do(
    client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuneguard.storage.review_queue.store_of", lambda _: object())
    with pytest.raises(StoreUnreachableError, match=r"came with MLflow 3\.14"):
        enqueue([finding(experiment, 1)], client.tracking_uri)
