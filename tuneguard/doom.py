"""Trials of a search that training on does not save."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tuneguard.diagnosis import diagnose, flatten
from tuneguard.findings import Finding
from tuneguard.history import RunHistory
from tuneguard.live import Lookout, dooms


@dataclass(frozen=True, slots=True)
class Doom:
    """What dooms a trial, as it is kept beside it.

    Attributes:
        rule: Name of the rule that found it; empty where only the callback knows.
        rule_id: Its id.
        summary: What was found; may hold text that came from the run.
        step: Last step of the evidence, on the axis of what was diagnosed, where it is known.
    """

    rule: str
    rule_id: str
    summary: str
    step: float | None = None

    @classmethod
    def of(cls, finding: Finding) -> Doom | None:
        """Return what of a finding and its symptoms dooms a run; `None` where nothing does."""
        fatal = next((one for one in flatten((finding,)) if dooms(one)), None)
        if fatal is None:
            return None
        return cls(fatal.rule, fatal.rule_id, fatal.summary, fatal.last_step)

    @classmethod
    def of_callback(cls) -> Doom:
        """Return what is known where a callback says that training on is pointless."""
        return cls(
            "",
            "",
            "the callback found a critical fault that training on does not mend: the tags of the "
            "run say which",
        )

    @classmethod
    def read(cls, document: dict[str, Any]) -> Doom:
        """Return what `document` wrote."""
        return cls(**document)

    @property
    def document(self) -> dict[str, Any]:
        """The same as numbers and texts, for a store of attributes."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.rule} ({self.rule_id}): {self.summary}" if self.rule else self.summary


class TrialWatch:
    """Diagnoses one trial again and again, from the values that it reports.

    What a look shows counts when it lasts, as it does for whoever follows a run.
    """

    def __init__(self) -> None:
        self._lookout = Lookout()

    def look(self, history: RunHistory) -> Doom | None:
        """Take in the trial as it is now.

        Args:
            history: What it has reported so far, with `status="running"`.

        Returns:
            What dooms it, if anything does.
        """
        self._lookout.look(history, diagnose(history, pictures=False))
        fatal = (one.finding for one in self._lookout.present if dooms(one.finding))
        return next((Doom.of(one) for one in fatal), None)
