"""What is done with each run of a fleet, in whatever process it happens."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from tuneguard import keys
from tuneguard.diagnosis import Diagnosis, diagnose
from tuneguard.exceptions import TuneGuardError
from tuneguard.reviewing import is_reviewed, publish_review, publish_tags, review_tags
from tuneguard.rule import Rule
from tuneguard.scanned_run import Outcome, ScannedRun, findings_in
from tuneguard.storage.connection import connect, find_run
from tuneguard.storage.reader import FoundRun, look_up, read_history
from tuneguard.storage.run_page import run_page

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What to do with each run. It can be sent to another process.

    Attributes:
        tracking_uri: Where the runs are kept, with its password if it has one.
        rules: The rules to ask.
        write: What is written into a run: its tags, its whole review, or nothing.
        traces: Whether a whole review has each finding as a trace, for people to judge it.
        roles: Role name to metric key, where the key's name does not tell.
        force: Whether to diagnose also what has not changed since its last diagnosis.
    """

    tracking_uri: str
    rules: Sequence[Rule]
    write: Literal["tags", "review", "nothing"] = "tags"
    traces: bool = True
    roles: Mapping[str, str] = field(default_factory=dict)
    force: bool = False


class Examiner:
    """Diagnoses run after run over one connection.

    Args:
        assignment: What to do with each run.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment

    @cached_property
    def _client(self) -> Any:
        return connect(self.assignment.tracking_uri)

    def examine(self, run_id: str) -> ScannedRun:
        """Diagnose a run and write what is to be written, unless nothing changed.

        Nothing is raised: a run that cannot be read must not stop the others.
        """
        try:
            return self._examined(run_id)
        except TuneGuardError as error:
            return ScannedRun(run_id, reason=str(error))
        except Exception as error:  # one run must not stop the others
            _LOGGER.exception("Run %s could not be diagnosed: please report it", run_id)
            reason = f"This is a bug in tuneguard: {type(error).__name__}: {error}"
            return ScannedRun(run_id, reason=reason)

    def standing(self, found: FoundRun) -> ScannedRun | None:
        """Return how a run stands by its tags, or `None` where it must be diagnosed."""
        one = self.assignment
        is_whole = one.write == "review"
        traces = is_whole and one.traces
        if one.force or not is_reviewed(
            found, one.rules, one.roles, whole=is_whole, traces=traces
        ):
            return None
        return _scanned(found, found.run.data.tags, "unchanged")

    def _examined(self, run_id: str) -> ScannedRun:
        found = look_up(self._client, find_run(self._client, run_id))
        # another scan may have been here since this one listed the runs
        standing = self.standing(found)
        if standing is not None:
            return standing
        one = self.assignment
        history = read_history(found, one.roles)
        diagnosis = diagnose(history, one.rules, pictures=one.write == "review")
        self._write(diagnosis, found)
        return _scanned(found, review_tags(diagnosis), "diagnosed", _broken(diagnosis))

    def _write(self, diagnosis: Diagnosis, found: FoundRun) -> None:
        one = self.assignment
        if one.write == "tags":
            publish_tags(diagnosis, found)
        elif one.write == "review":
            publish_review(
                diagnosis, tracking_uri=one.tracking_uri, force=one.force, traces=one.traces
            )


def _scanned(
    found: FoundRun, tags: Mapping[str, str], outcome: Outcome, reason: str = ""
) -> ScannedRun:
    info = found.run.info
    return ScannedRun(
        run_id=info.run_id,
        name=info.run_name or "",
        status=info.status,
        start_time=info.start_time,
        outcome=outcome,
        verdict=tags.get(keys.TAG_VERDICT, ""),
        findings=findings_in(tags),
        reason=reason,
        url=_address(found),
    )


def _address(found: FoundRun) -> str:
    uri = found.client.tracking_uri
    info = found.run.info
    return run_page(uri, info.experiment_id, info.run_id) if uri.startswith("http") else ""


def _broken(diagnosis: Diagnosis) -> str:
    return "; ".join(
        f"The rule {one.rule} is broken, please report it: {one.error}" for one in diagnosis.broken
    )
