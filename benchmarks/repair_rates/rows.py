"""What is committed of the benchmark: one row for each fault and strategy."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.error_rates.outcomes import MIN_DEVIATIONS, MIN_POINTS
from benchmarks.error_rates.plan import RunSpec
from benchmarks.repair_rates.strategies import Changes
from benchmarks.repair_rates.trials import Trial

UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, and what one strategy made of it.

    Attributes:
        program: Name of the base program.
        fault: Kind of the fault.
        strength: Of the fault.
        seed: Of everything random.
        strategy: What was tried.
        tried: The changes, as text; empty where the strategy had nothing to try.
        trainings: How many there were.
        score: What the best of them by validation scored on the test data.
        unchanged: What the faulty training scored.
        twin: Mean score of the healthy twins.
        deviation: Standard deviation of the twins' scores.
    """

    program: str
    fault: str
    strength: int
    seed: int
    strategy: str
    tried: str
    trainings: int
    score: float
    unchanged: float
    twin: float
    deviation: float

    @property
    def tolerance(self) -> float:
        """How far from the twins a healthy training may end."""
        return max(MIN_POINTS, MIN_DEVIATIONS * self.deviation)

    @property
    def is_repaired(self) -> bool:
        """Whether it scores as the healthy twins do."""
        return self.score >= self.twin - self.tolerance

    @property
    def is_harmed(self) -> bool:
        """Whether it scores worse than unchanged, by more than seeds do."""
        return self.score < self.unchanged - self.tolerance


def as_text(changes: Changes) -> str:
    """Return changes in one line.

    >>> from tuneguard.findings import Change
    >>> as_text((Change("learning_rate", 0.1, "multiply"), Change("schedule", "cosine")))
    'learning_rate multiply 0.1; schedule set cosine'
    """
    return "; ".join(f"{one.parameter} {one.operation} {one.value}" for one in changes)


def rows_of_one(
    spec: RunSpec,
    plan: Mapping[str, Sequence[Changes]],
    ended: Mapping[Trial, Any],
    unchanged: float,
    level: tuple[float, float],
) -> Iterable[Row]:
    """Yield the rows of one fault.

    Args:
        spec: The faulty training.
        plan: What is tried, by strategy.
        ended: What every trial ended at.
        unchanged: What the faulty training scored.
        level: Mean and standard deviation of the twins' scores.
    """
    head = (spec.program, str(spec.fault), spec.strength, spec.seed)
    yield Row(*head, UNCHANGED, "", 0, unchanged, unchanged, *level)
    for strategy, tried in plan.items():
        found = [(ended[Trial(spec, changes)], changes) for changes in tried]
        best, changes = max(found, key=lambda one: one[0].validated, default=(None, ()))
        score = unchanged if best is None else best.score
        yield Row(*head, strategy, as_text(changes), len(found), score, unchanged, *level)


def save(found: Iterable[Row], path: Path) -> None:
    """Write rows as CSV, in an order of their own."""
    ordered = sorted(found, key=lambda one: tuple(map(str, asdict(one).values())))
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for one in ordered:
            values = asdict(one).items()
            writer.writerow(
                {name: round(it, 3) if isinstance(it, float) else it for name, it in values}
            )


def load(path: Path) -> list[Row]:
    """Read what `save` wrote."""
    if not path.exists():
        return []
    types = {one.name: {"int": int, "float": float}.get(str(one.type), str) for one in fields(Row)}
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(**{name: types[name](value) for name, value in line.items()})
            for line in csv.DictReader(file)
        ]
