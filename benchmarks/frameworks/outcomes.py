"""What was said of the trainings, kept between runs of the benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT = Path(__file__).with_name("outcomes.json")


@dataclass(frozen=True)
class Outcome:
    """What the diagnosis of one training said.

    Attributes:
        framework: Name of the framework's module.
        title: What the page calls the framework.
        own_logging: What it logs by without us.
        line: What attaches tuneguard.
        plant: The fault, or `healthy`.
        seed: Of the program.
        is_attached: Whether tuneguard recorded it.
        verdict: Of the diagnosis.
        alarms: Rules that raised one, symptoms included, the likeliest cause first.
        is_named: Whether one of them names the fault.
        seconds: How long the training took.
    """

    framework: str
    title: str
    own_logging: str
    line: str
    plant: str
    seed: int
    is_attached: bool
    verdict: str
    alarms: tuple[str, ...]
    is_named: bool
    seconds: float

    @property
    def place(self) -> tuple[str, str, int, bool]:
        """What tells it from the others."""
        return (self.framework, self.plant, self.seed, self.is_attached)


def kept() -> list[Outcome]:
    """Return what was kept; nothing where there is no file."""
    if not KEPT.exists():
        return []
    rows = json.loads(KEPT.read_text(encoding="utf-8"))
    return [Outcome(**{**row, "alarms": tuple(row["alarms"])}) for row in rows]


def keep(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Put outcomes in the place of earlier ones of the same trainings, and return all."""
    merged = {one.place: one for one in [*kept(), *outcomes]}
    ordered = [merged[place] for place in sorted(merged)]
    rows = [json.dumps(asdict(one)) for one in ordered]
    KEPT.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
    return ordered
