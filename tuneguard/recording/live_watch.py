"""The rules at work while the model trains: their findings in the log, the tags, and an alert."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from tuneguard.findings import Finding, Severity
from tuneguard.history import RunHistory, RunIdentity, Status
from tuneguard.live.live_diagnosis import LiveDiagnosis, News
from tuneguard.live.run_memory import RunMemory
from tuneguard.recording.alerts import Alerts
from tuneguard.reports.untrusted import terminal_safe
from tuneguard.spool.columns import Columns
from tuneguard.spool.spool_folder import Spool
from tuneguard.storage.live_tags import live_tags

_LAST_ALERTS_SECONDS = 3.0
_STATUSES: Mapping[str, Status] = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}

_logger = logging.getLogger("tuneguard.live")


class TaggedSink(Protocol):
    """What writes tags into the run."""

    def tag(self, tags: Mapping[str, str]) -> None:
        """Have tags written in place of the last ones, without waiting."""


class LiveWatch:
    """Looks at what is measured, on the writer's thread, and says what is found.

    A failure is logged once, and ends the looking: the recording goes on.

    Args:
        spool: Knows what is known of the training besides what is measured.
        sink: Writes the tags.
        on_finding: Called on a thread of its own with each cause that lasts.
        engine: What looks; its default is the rules.
    """

    def __init__(
        self,
        spool: Spool,
        sink: TaggedSink,
        on_finding: Callable[[Finding], object] | None = None,
        engine: LiveDiagnosis | None = None,
    ) -> None:
        self._spool = spool
        self._sink = sink
        self._alerts = Alerts(on_finding) if on_finding is not None else None
        self._engine = engine or LiveDiagnosis(self._history)
        self._engine.pace.is_wanted |= on_finding is not None
        self._is_hopeless = False
        self._is_over = False

    @property
    def should_stop(self) -> bool:
        """Whether training on is pointless, as far as is known; whoever asks has looks sooner."""
        self._engine.pace.is_wanted = True
        return self._is_hopeless

    def take(self, columns: Columns) -> None:
        """Take in measured values, and look at the run if it is time to."""
        if self._is_over:
            return
        try:
            self._engine.take(columns.keys, columns.codes, columns.steps, columns.values)
            self._tell(self._engine.look_if_due())
        except Exception as error:  # noqa: BLE001 - a rule's trouble is not the recorder's
            self._give_up(error)

    def end(self, status: str) -> None:
        """Look a last time, if anybody did before or waits for it."""
        if self._is_over:
            return
        try:
            self._tell(self._engine.look_at_the_end(_STATUSES.get(status, "finished")))
        except Exception as error:  # noqa: BLE001 - a rule's trouble is not the recorder's
            self._give_up(error)
        self._is_over = True
        if self._alerts is not None:
            self._alerts.finish(_LAST_ALERTS_SECONDS)

    def _tell(self, news: News | None) -> None:
        if news is None:
            return
        for finding in news.found:
            level = logging.WARNING if finding.severity > Severity.INFO else logging.INFO
            _logger.log(level, "%s", _line(finding, news.step))
            if self._alerts is not None:
                self._alerts.put(finding)
        if news.has_changed and not self._spool.manifest.beside:
            self._sink.tag(live_tags(news.present, news.verdict))
        self._is_hopeless = news.is_hopeless

    def _give_up(self, error: Exception) -> None:
        self._is_over = True
        _logger.warning(
            "The run is not diagnosed any more while it trains; it is recorded all the same: %r",
            error,
            exc_info=_logger.isEnabledFor(logging.DEBUG),
        )

    def _history(self, memory: RunMemory, status: Status) -> RunHistory:
        manifest, ticket = self._spool.manifest, self._spool.ticket
        return RunHistory.from_series(
            memory.series(),
            manifest.params,
            axis="step",
            status=status,
            planned_steps=manifest.planned_steps,
            higher_is_better=manifest.higher_is_better,
            layers=manifest.layers,
            source="record",
            identity=RunIdentity(run_id=ticket.run_id),
        )


def _line(finding: Finding, step: float) -> str:
    first = f" Try first: {finding.prescriptions[0].action}" if finding.prescriptions else ""
    text = f"{finding.rule} ({finding.rule_id}, {finding.severity}): {finding.summary}{first}"
    return terminal_safe(f"At step {step:g}: {text}")
