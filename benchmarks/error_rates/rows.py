"""What is committed of the benchmark: one row a training, small enough to read in a diff."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.error_rates.judges import COMPARED, FORMS, LIVE, OTHERS, Document
from benchmarks.error_rates.judging import Judged
from benchmarks.error_rates.outcomes import Standing, standings
from benchmarks.error_rates.plan import RunSpec
from tuneguard.rules import BUILTIN_RULES

_IDS = {rule.name: rule.id.removeprefix("TG") for rule in BUILTIN_RULES}
"""Rules are written as the number in their id: names would make up most of the file."""
_NAMES = {number: name for name, number in _IDS.items()}
Meanings = tuple[str, ...]
"""The rules that an alarm may stand for: one of ours for itself, another tool's for several."""

_OF_SPEC = ("program", "fault", "strength", "variant", "seed")
_OURS = {*_OF_SPEC, "score", "standing", "onset", *FORMS, LIVE}


@dataclass(frozen=True, slots=True)
class Brief:
    """What a diagnosis came down to.

    Attributes:
        verdict: Of the whole run.
        alarms: Rules that raised an alarm, the one to be believed first in front.
        advice: Rules that gave advice.
    """

    verdict: str
    alarms: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A training, what it proved to be, and what was said of it.

    Attributes:
        spec: Which training.
        score: What the model scored in the end, in points of 100.
        standing: What it proved to be.
        said: By form of the run.
        live: Every alarm that was ever raised while it ran, with the share of the run at which.
        compared: By other tool, the rules that each of its alarms may correspond to.
        onset: Share of the run at which its fault began.
    """

    spec: RunSpec
    score: float
    standing: Standing
    said: Mapping[str, Brief]
    live: tuple[tuple[str, float], ...] = ()
    compared: Mapping[str, tuple[Meanings, ...]] = field(default_factory=dict)
    onset: float = 0.0

    def alarms(self, speaker: str) -> tuple[Meanings, ...]:
        """Return the alarms of a form of the run, of the live engine, or of another tool."""
        if speaker in self.said:
            return tuple((rule,) for rule in self.said[speaker].alarms)
        if speaker == LIVE:
            return tuple((rule,) for rule, _ in self.live)
        return self.compared[speaker]


def rows_of(judged: Sequence[Judged], judges: Mapping[str, str]) -> list[Row]:
    """Return the rows of trainings.

    Args:
        judged: The trainings, with all their twins.
        judges: Form of the run to the judge whose word on it counts.
    """
    proved = standings({one.spec: one.outcome for one in judged})
    return [_row(one, proved[one.spec], judges) for one in judged]


def _row(one: Judged, standing: Standing, judges: Mapping[str, str]) -> Row:
    said = {form: one.by(judge) for form, judge in judges.items()}
    return Row(
        one.spec,
        one.outcome.score,
        standing,
        {form: Brief(it.verdict, it.alarms, it.advice) for form, it in said.items()},
        tuple((rule, at) for rule, at in one.said.get(LIVE, {}).get("raised", ())),
        {name: tuple(map(tuple, found)) for name, found in _of_tools(one).items()},
        one.outcome.onset,
    )


def _of_tools(one: Judged) -> Document:
    return {**one.said.get(COMPARED, {}), **one.said.get(OTHERS, {})}


def tools_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the other tools that were asked about all of the rows."""
    asked = rows[0].compared if rows else ()
    return tuple(name for name in asked if all(name in row.compared for row in rows))


def save(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, in the order of what was trained."""
    tools = tools_of(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_OF_SPEC, "score", "standing", "onset", *FORMS, LIVE, *tools])
        for row in sorted(rows, key=lambda row: _order(row.spec)):
            spec = row.spec
            writer.writerow(
                [
                    *(spec.program, spec.fault or "", spec.strength, spec.variant, spec.seed),
                    *(f"{row.score:.1f}", row.standing.value, f"{row.onset:g}"),
                    *(_brief_as_text(row.said[name]) for name in FORMS),
                    " ".join(f"{_IDS.get(rule, rule)}@{at:.3f}" for rule, at in row.live),
                    *(_meanings_as_text(row.compared[name]) for name in tools),
                ]
            )


def load(path: Path) -> list[Row]:
    """Read what `save` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_from_cells(cells) for cells in csv.DictReader(file)]


def _order(spec: RunSpec) -> tuple[object, ...]:
    return (spec.program, spec.fault or "", spec.strength, spec.variant, spec.seed)


def _from_cells(cells: Mapping[str, str]) -> Row:
    spec = RunSpec(
        cells["program"],
        cells["fault"] or None,
        int(cells["strength"]),
        cells["variant"],
        int(cells["seed"]),
    )
    live = (one.split("@") for one in cells[LIVE].split())
    return Row(
        spec,
        float(cells["score"]),
        Standing(cells["standing"]),
        {name: _brief_from_text(cells[name]) for name in FORMS},
        tuple((_NAMES.get(rule, rule), float(at)) for rule, at in live),
        {name: _meanings_from_text(cells[name]) for name in cells if name not in _OURS},
        float(cells["onset"]),
    )


def _brief_as_text(brief: Brief) -> str:
    advice = f" ({_ids(brief.advice)})" if brief.advice else ""
    return f"{brief.verdict} {_ids(brief.alarms)}".rstrip() + advice


def _brief_from_text(text: str) -> Brief:
    head, _, advice = text.rstrip(")").partition("(")
    verdict, _, alarms = head.strip().partition(" ")
    return Brief(verdict, _names(alarms), _names(advice))


def _meanings_as_text(alarms: Iterable[Meanings]) -> str:
    return " ".join("+".join(_IDS.get(rule, rule) for rule in one) or "?" for one in alarms)


def _meanings_from_text(text: str) -> tuple[Meanings, ...]:
    return tuple(_names(one.replace("?", "").replace("+", " ")) for one in text.split())


def _ids(rules: Iterable[str]) -> str:
    return " ".join(_IDS.get(rule, rule) for rule in rules)


def _names(ids: str) -> tuple[str, ...]:
    return tuple(_NAMES.get(one, one) for one in ids.split())
