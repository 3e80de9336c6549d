"""Reports for the pages of one worker: drawn in another process, kept while they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

from tuneguard.exceptions import TuneGuardError
from tuneguard.server.examiner_process import ExaminerError, ExaminerProcess

_PATIENCE_SECONDS: Final = 30.0
_KEPT_CHARACTERS: Final = 16_000_000

_Key = tuple[str, str, str]
Links = Sequence[tuple[str, str]]


class ReportError(TuneGuardError):
    """A run's diagnosis cannot be shown. The message says why."""


class ReportReader:
    """Has diagnoses read, checked and drawn; one at a time, and none for longer than seconds.

    Args:
        places: What an examiner needs to know of the server.
    """

    def __init__(self, places: Mapping[str, str | None]) -> None:
        self._examiner = ExaminerProcess(places)
        self._asking = threading.Lock()
        self._kept: OrderedDict[_Key, str] = OrderedDict()
        self._problems: OrderedDict[_Key, str] = OrderedDict()

    def page(self, run_id: str, fingerprint: str | None, links: Links) -> str | None:
        """Return the report of a run as HTML, or `None` where it has none.

        Args:
            run_id: The run.
            fingerprint: Of its review; a report is kept for as long as this is the same.
            links: Words and address of each link to put above it.

        Raises:
            ReportError: It cannot be shown.
        """
        return self._text("page", run_id, fingerprint, links)

    def document(self, run_id: str, fingerprint: str | None) -> str | None:
        """Return the diagnosis of a run as a JSON document, or `None` where it has none.

        Args:
            run_id: The run.
            fingerprint: Of its review.

        Raises:
            ReportError: It cannot be shown.
        """
        return self._text("document", run_id, fingerprint)

    def close(self) -> None:
        """End the process."""
        self._examiner.close(at_once=True)

    def _text(
        self, what: str, run_id: str, fingerprint: str | None, links: Links = ()
    ) -> str | None:
        key = (what, run_id, fingerprint or "")
        if not self._asking.acquire(timeout=_PATIENCE_SECONDS):
            raise ReportError("The server is busy drawing other reports: load the page again.")
        try:
            if fingerprint and key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            answer = self._answer(key, {"do": what, "run_id": run_id, "links": list(links)})
            text = answer.get("text")
            if "problem" in answer:
                raise ReportError(str(answer["problem"]))
            if fingerprint and isinstance(text, str):
                self._keep(key, text)
            return text if isinstance(text, str) else None
        finally:
            self._asking.release()

    def _answer(self, key: _Key, request: Mapping[str, object]) -> Mapping[str, object]:
        if key in self._problems:
            return {"problem": self._problems[key]}
        try:
            return self._examiner.ask(request, _PATIENCE_SECONDS)
        except ExaminerError as error:
            # what took all the time once would take it again at each look
            self._problems[key] = f"It could not be drawn: {error}."
            if len(self._problems) > 1000:
                self._problems.popitem(last=False)
            return {"problem": self._problems[key]}

    def _keep(self, key: _Key, text: str) -> None:
        self._kept[key] = text
        while sum(map(len, self._kept.values())) > _KEPT_CHARACTERS:
            self._kept.popitem(last=False)
