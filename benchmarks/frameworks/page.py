"""Writes the page of the framework by fault table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.frameworks.outcomes import Outcome
from benchmarks.frameworks.programs import PROGRAMS, Program

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "framework-faults.md"
HEALTHY = "healthy"
_INTRO = """\
# Faults that are named, by framework

Each framework's own quick-start example, on handwritten digits, was trained healthy and with one
planted fault: once with the line that attaches tuneguard, and once with nothing but the
framework's own logging. `make framework-faults` trains them, diagnoses them without telling what
was planted, and writes this page.

A fault counts as named where one of the alarms is a rule that stands for it. The trainings take
seconds, and the thresholds were not set on them, but the faults are plain ones: the table says
what each way of recording is enough for, not how often the rules err
([error rates](error-rates.md) do).
"""


def write_page(outcomes: Iterable[Outcome]) -> None:
    """Write the page."""
    PAGE.write_text(page(list(outcomes)), encoding="utf-8")


def page(outcomes: Sequence[Outcome]) -> str:
    """Return the text of the page."""
    parts = [_INTRO, _table(outcomes), _plants(), _lines(outcomes), _misses(outcomes)]
    return "\n".join(parts)


def _table(outcomes: Sequence[Outcome]) -> str:
    plants = [one.plant for one in PROGRAMS if one.plant != HEALTHY]
    head = ["framework", "recorded by", *plants, "false alarms when healthy"]
    rows = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for title, way, group in _rows(outcomes):
        cells = [_named([one for one in group if one.plant == plant]) for plant in plants]
        healthy = [one for one in group if one.plant == HEALTHY]
        alarmed = sum(bool(one.alarms) for one in healthy)
        rows.append(f"| {title} | {way} | {' | '.join(cells)} | {alarmed}/{len(healthy)} |")
    return "## Named, of all trainings\n\n" + "\n".join(rows) + "\n"


def _rows(outcomes: Sequence[Outcome]) -> Iterable[tuple[str, str, list[Outcome]]]:
    for framework in dict.fromkeys(one.framework for one in outcomes):
        for is_attached in (True, False):
            group = [
                one
                for one in outcomes
                if one.framework == framework and one.is_attached == is_attached
            ]
            if group:
                own = group[0].own_logging
                yield group[0].title, f"{own} and our line" if is_attached else own, group


def _named(group: Sequence[Outcome]) -> str:
    return f"{sum(one.is_named for one in group)}/{len(group)}" if group else "-"


def _plants() -> str:
    rows = ["| planted | how | named by |", "| --- | --- | --- |"]
    rows += [
        f"| {one.plant} | {_how(one)} | {', '.join(sorted(one.names)) or 'no alarm'} |"
        for one in PROGRAMS
    ]
    return "## What was planted\n\n" + "\n".join(rows) + "\n"


def _how(program: Program) -> str:
    kind = {"sgd": "SGD with momentum 0.9", "plain-sgd": "SGD", "adam": "Adam"}
    hidden = (
        f"{len(program.hidden)} hidden layers of {program.hidden[0]} {program.activation} units"
    )
    extra = [f"{program.wrong_labels:.0%} of the labels drawn at random"] * (
        program.wrong_labels > 0
    )
    extra += ["one value of one sample is not a number"] * program.has_gap
    settings = [
        f"{program.samples} samples",
        hidden,
        f"{kind[program.optimizer]} at {program.learning_rate:g}",
        f"{program.epochs} epochs",
        *extra,
    ]
    return ", ".join(settings)


def _lines(outcomes: Sequence[Outcome]) -> str:
    lines = dict.fromkeys(f"- {one.title}: {one.line}" for one in outcomes if one.line)
    return "## The line\n\n" + "\n".join(lines) + "\n"


def _misses(outcomes: Sequence[Outcome]) -> str:
    rows = ["| framework | recorded by | planted | said instead |", "| --- | --- | --- | --- |"]
    for title, way, group in _rows(outcomes):
        for program in PROGRAMS:
            odd = [one for one in group if one.plant == program.plant and _is_odd(one)]
            if odd:
                said = Counter(", ".join(one.alarms) or one.verdict for one in odd)
                counts = "; ".join(f"{what} ({count})" for what, count in said.most_common())
                rows.append(f"| {title} | {way} | {program.plant} | {counts} |")
    return "## What was said instead\n\n" + "\n".join(rows) + "\n"


def _is_odd(one: Outcome) -> bool:
    return bool(one.alarms) if one.plant == HEALTHY else not one.is_named
