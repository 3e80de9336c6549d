"""A run diagnosed again and again while it trains, from what its recorder measures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tuneguard import keys
from tuneguard.findings import Finding, Severity
from tuneguard.history import RunHistory, Status
from tuneguard.live.look_pace import LookPace
from tuneguard.live.lookout import Lookout
from tuneguard.live.run_memory import Codes, RunMemory, Steps, Values

AsHistory = Callable[[RunMemory, Status], RunHistory]


@dataclass(frozen=True, slots=True)
class News:
    """What a look brought.

    Attributes:
        step: How far the run had come.
        found: Causes that are reported now, for the first time or because they became worse.
        present: All findings that hold, causes before symptoms.
        has_changed: Whether those are others than at the look before, or became worse.
        verdict: The worst severity that holds; else what the diagnosis says.
        is_hopeless: Whether a critical fault holds that training on does not mend.
    """

    step: float
    found: tuple[Finding, ...]
    present: tuple[Finding, ...]
    has_changed: bool
    verdict: str
    is_hopeless: bool


class LiveDiagnosis:
    """Looks at a run when it is time to, and says what is new.

    What it needs is loaded at the first look: a short run does not pay for it.

    Args:
        as_history: Makes a history of what is remembered.
        clock: Seconds, from any origin.

    Attributes:
        pace: When it looks.
    """

    def __init__(self, as_history: AsHistory, clock: Callable[[], float] = time.monotonic) -> None:
        self._as_history = as_history
        self._clock = clock
        self._memory = RunMemory()
        self.pace = LookPace(clock())
        self._lookout = Lookout()
        self._has_hurried = False
        self._told: dict[str, Severity] = {}

    def take(self, names: Sequence[str], codes: Codes, steps: Steps, values: Values) -> None:
        """Take in measured values, as `RunMemory.take` does."""
        self._memory.take(names, codes, steps, values)
        if keys.TRAIN_LOSS in names:
            self._hurry_where_lost(values[codes == names.index(keys.TRAIN_LOSS)])

    def _hurry_where_lost(self, losses: Values) -> None:
        """Look at once where the loss is no number, and again to see that it stays so."""
        is_bad = ~np.isfinite(losses)
        if not is_bad.any():
            return
        is_known = self._has_hurried
        stays = is_bad.all() and self.pace.has_grown(self._memory.last_step)
        if not is_known or (stays and not self._lookout.is_hopeless):
            self._has_hurried = True
            self.pace.hurry()

    def look_if_due(self) -> News | None:
        """Look at the run if it is time to."""
        if not self.pace.is_due(self._clock(), self._memory.last_step):
            return None
        return self._look("running")

    def look_at_the_end(self, status: Status) -> News | None:
        """Look at a run that has ended, if it was looked at before or somebody waits for it."""
        if not self._memory.size or not (self.pace.looks or self.pace.is_wanted):
            return None
        return self._look(status)

    def _look(self, status: Status) -> News:
        begun = time.thread_time()
        news = self._seen(self._as_history(self._memory, status))
        cost = time.thread_time() - begun
        self.pace.looked(self._clock(), self._memory.last_step, cost)
        return news

    def _seen(self, history: RunHistory) -> News:
        from tuneguard.diagnosis import diagnose  # noqa: PLC0415 - heavy: not before it is needed

        diagnosis = diagnose(history, pictures=False)
        events = self._lookout.look(history, diagnosis)
        listed = {one.finding.rule: one.finding for one in self._lookout.present}
        # what is missing from one look is listed until it is gone
        ordered = [one.rule for one in diagnosis.all_findings() if one.rule in listed]
        present = tuple(listed[rule] for rule in dict.fromkeys([*ordered, *listed]))
        worst = max((one.severity for one in present), default=None)
        return News(
            step=history.last_step,
            found=tuple(self._untold(diagnosis.findings, listed)),
            present=present,
            has_changed=bool(events),
            verdict=diagnosis.verdict if worst is None else str(worst),
            is_hopeless=self._lookout.is_hopeless,
        )

    def _untold(
        self, causes: Iterable[Finding], listed: Mapping[str, Finding]
    ) -> Iterator[Finding]:
        """Yield the causes that hold and were not told of yet at this severity."""
        for cause in causes:
            told = self._told.get(cause.rule)
            if cause.rule in listed and (told is None or cause.severity > told):
                self._told[cause.rule] = cause.severity
                yield cause
