"""Findings that wait for a verdict, in a review queue of MLflow: one after the other, by buttons.

Review queues came with MLflow 3.14 and are called experimental there. Their own functions speak
to MLflow's global store only, so the store is asked itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import mlflow
from mlflow.exceptions import MlflowException

from tuneguard import keys
from tuneguard.exceptions import StoreUnreachableError
from tuneguard.feedback import TracedFinding
from tuneguard.storage.connection import connect, store_of, translated_errors
from tuneguard.storage.run_page import queue_address, with_command
from tuneguard.storage.store_probe import without_password

QUEUE: Final = "tuneguard findings"

_INSTRUCTION: Final = "Is what the finding says a real problem of this run? Say why."
_BATCH: Final = 100
_UNKNOWN: Final = {"ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED"}


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What came of putting findings into the queue.

    Attributes:
        count: How many of the findings wait there now.
        url: Where people review them, with the command that starts a server where none is known.
    """

    count: int
    url: str


def enqueue(
    findings: Sequence[TracedFinding],
    tracking_uri: str | None = None,
    *,
    is_whole_experiment: bool = False,
) -> Enqueued:
    """Put the findings that nobody has judged into the experiment's queue, each once.

    Args:
        findings: What was found in one experiment; not empty.
        tracking_uri: Where it is kept; MLflow's own choice where not given.
        is_whole_experiment: Whether these are all its findings: what else waits in the queue is
            gone, and is taken out of it.

    Raises:
        StoreUnreachableError: The server has no review queues, does not answer, or refuses.
    """
    experiment_id = findings[0].experiment_id
    client = connect(tracking_uri)
    store = store_of(client)
    if not hasattr(store, "create_review_queue"):
        raise _too_old(client)
    waiting = [one.trace_id for one in findings if one.outcome == "unreviewed"]
    with translated_errors(client.tracking_uri):
        try:
            queue_id = _queue(store, experiment_id)
            if is_whole_experiment:
                _remove_others(store, queue_id, {one.trace_id for one in findings})
            for batch in _batches(waiting):
                store.add_items_to_review_queue(queue_id, item_ids=batch)
        except MlflowException as error:
            if error.error_code in _UNKNOWN:
                raise _too_old(client) from error
            raise
    address = queue_address(client.tracking_uri, experiment_id)
    return Enqueued(len(waiting), with_command(address, client.tracking_uri))


def _queue(store: Any, experiment_id: str) -> str:
    """Return the id of the queue, which is created with its question where there is none."""
    try:
        return str(store.get_review_queue_by_name(experiment_id, name=QUEUE).queue_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    queue = store.create_review_queue(
        experiment_id,
        name=QUEUE,
        queue_type="custom",
        schema_ids=[_question(store, experiment_id)],
    )
    return str(queue.queue_id)


def _question(store: Any, experiment_id: str) -> str:
    """Return the id of what people are asked, under the name that `review` reads back."""
    # MLflow before 3.14 has no such module
    from mlflow.genai.label_schemas.label_schemas import InputPassFail  # noqa: PLC0415

    try:
        return str(store.get_label_schema_by_name(experiment_id, keys.REAL_PROBLEM).schema_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    question = store.create_label_schema(
        experiment_id,
        name=keys.REAL_PROBLEM,
        type="feedback",
        input=InputPassFail("real problem", "false alarm"),
        instruction=_INSTRUCTION,
        enable_comment=True,
    )
    return str(question.schema_id)


def _remove_others(store: Any, queue_id: str, known: set[str]) -> None:
    gone = [one for one in _pending(store, queue_id) if one not in known]
    for batch in _batches(gone):
        store.remove_items_from_review_queue(queue_id, item_ids=batch)


def _pending(store: Any, queue_id: str) -> Iterator[str]:
    token = None
    while True:
        page = store.list_review_queue_items(queue_id, status="pending", page_token=token)
        yield from (item.item_id for item in page)
        token = page.token
        if not token:
            return


def _batches(items: Iterable[str]) -> Iterator[list[str]]:
    listed = list(items)
    for start in range(0, len(listed), _BATCH):
        yield listed[start : start + _BATCH]


def _too_old(client: mlflow.MlflowClient) -> StoreUnreachableError:
    return StoreUnreachableError(
        f"{without_password(client.tracking_uri)} has no review queues: they came with MLflow "
        "3.14. Upgrade it, here and on the server, or give feedback in the run's Traces tab."
    )
