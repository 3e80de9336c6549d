"""Reports for the pages of one worker: drawn in another process, kept while they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from tuneguard.exceptions import TuneGuardError
from tuneguard.server.examiner_process import (
    ExaminerError,
    ExaminerProcess,
    ExaminerStartingError,
)

_PATIENCE_SECONDS: Final = 30.0
_IDLE_SECONDS: Final = 600.0
_KEPT_CHARACTERS: Final = 16_000_000

_Key = tuple[str, str, str]
Links = Sequence[tuple[str, str]]


class ReportError(TuneGuardError):
    """A run's diagnosis cannot be shown. The message says why."""


class ReportBusyError(TuneGuardError):
    """A report is not there yet: it is to be asked for again."""


class ReportReader:
    """Has diagnoses read, checked and drawn; one at a time, and none for longer than seconds.

    Args:
        places: What an examiner needs to know of the server.
    """

    def __init__(self, places: Mapping[str, str | None]) -> None:
        self._examiner = ExaminerProcess({**places, "niceness": "2"})
        self._asking = threading.Lock()
        self._rest: threading.Timer | None = None
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
            ReportBusyError: Not yet.
        """
        return self._text("page", run_id, fingerprint, links)

    def document(self, run_id: str, fingerprint: str | None) -> str | None:
        """Return the diagnosis of a run as a JSON document, or `None` where it has none.

        Args:
            run_id: The run.
            fingerprint: Of its review.

        Raises:
            ReportError: It cannot be shown.
            ReportBusyError: Not yet.
        """
        return self._text("document", run_id, fingerprint)

    def prepare(self) -> None:
        """Start the process, which takes seconds, for somebody who is about to ask."""
        if self._asking.acquire(blocking=False):
            with self._released():
                self._examiner.start()

    def close(self) -> None:
        """End the process."""
        self._examiner.close(at_once=True)

    @contextmanager
    def _released(self) -> Iterator[None]:
        """Let others ask afterwards, and end the process where nobody does for a while."""
        self._stop_resting()
        try:
            yield
        finally:
            self._rest = threading.Timer(_IDLE_SECONDS, self._retire)
            self._rest.daemon = True
            self._rest.start()
            self._asking.release()

    def _retire(self) -> None:
        if self._asking.acquire(blocking=False):
            try:
                self._examiner.close()
            finally:
                self._asking.release()

    def _stop_resting(self) -> None:
        if self._rest is not None:
            self._rest.cancel()

    def _text(
        self, what: str, run_id: str, fingerprint: str | None, links: Links = ()
    ) -> str | None:
        key = (what, run_id, fingerprint or "")
        if not self._asking.acquire(timeout=_PATIENCE_SECONDS):
            raise ReportBusyError("The server is busy drawing other reports.")
        with self._released():
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

    def _answer(self, key: _Key, request: Mapping[str, object]) -> Mapping[str, object]:
        if key in self._problems:
            return {"problem": self._problems[key]}
        try:
            return self._examiner.ask(request, _PATIENCE_SECONDS)
        except ExaminerStartingError as error:
            raise ReportBusyError(f"It cannot be drawn yet: {error}.") from error
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
