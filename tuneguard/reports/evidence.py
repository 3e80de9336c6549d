"""What past runs say of prescriptions, as text, Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tuneguard.evidence import PastEvidence, RemedyRecord
from tuneguard.feedback import RuleRecord
from tuneguard.reports.untrusted import markdown_safe, terminal_safe

SCHEMA_VERSION: Final = "1"

_COLUMNS: Final = (
    "finding",
    "change",
    "tried",
    "helped",
    "share",
    "95 % interval",
    "worse",
    "open",
    "people say",
    "last runs",
)
_NUMBERS: Final = frozenset({"tried", "helped", "share", "worse", "open"})
_SHOWN_ID: Final = 8


def render_evidence(evidence: PastEvidence) -> str:
    """Return the counts as a table, and what they rest on, as lines of text."""
    rows = [_COLUMNS, *_rows(evidence)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        "  ".join(
            cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
            for name, cell, width in zip(_COLUMNS, row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *map(terminal_safe, basis(evidence))]) + "\n"


def evidence_markdown(evidence: PastEvidence) -> str:
    """Return the same as a Markdown document."""
    rule = ["--:" if name in _NUMBERS else "---" for name in _COLUMNS]
    rows = [list(_COLUMNS), rule, *([markdown_safe(c) for c in row] for row in _rows(evidence))]
    return "\n\n".join(
        [
            f"# Evidence from {markdown_safe(evidence.experiment)}",
            "\n".join(f"| {' | '.join(row)} |" for row in rows),
            "\n".join(f"- {markdown_safe(line)}" for line in basis(evidence)),
        ]
    )


def evidence_json(evidence: PastEvidence) -> str:
    """Return the same as strict JSON in plain ASCII, with every text as it was written."""
    looked = evidence.looked
    document = {
        "schema_version": SCHEMA_VERSION,
        "experiment": evidence.experiment,
        "records": [_record(one) for one in evidence.records],
        "opinions": [_opinion(one) for one in evidence.opinions],
        "looked_at": {name: getattr(looked, name) for name in looked.__slots__},
        "notes": list(evidence.notes),
    }
    return json.dumps(document, indent=2, allow_nan=False)


def basis(evidence: PastEvidence) -> Iterator[str]:
    """Yield what the counts rest on, and what would make them more, a sentence each."""
    looked = evidence.looked
    yield (
        f"Looked at {_counted(looked.runs, 'run')}: {_counted(looked.treatments, 'attempt')} of "
        f"treatments, {_counted(looked.diagnoses, 'diagnosis', 'diagnoses')} read, "
        f"{_counted(looked.pairs, 'pair')} of runs that follow a prescription, "
        f"{looked.compared:,} of them compared."
    )
    if looked.undone or looked.pairs - looked.left_out > looked.compared + looked.unreadable:
        waiting = looked.pairs - looked.left_out - looked.compared
        yield (
            f"Left for later: {_counted(looked.undone, 'diagnosis', 'diagnoses')} and "
            f"{_counted(waiting, 'pair')}; --most-diagnoses and --most-comparisons go further."
        )
    if looked.left_out:
        yield f"Left out: {_counted(looked.left_out, 'pair')} whose finding was a false alarm."
    if looked.unreadable:
        yield f"Could not be read or compared: {looked.unreadable:,}."
    if looked.undiagnosed:
        yield (
            f"Never diagnosed: {_counted(looked.undiagnosed, 'run')}. "
            "`tuneguard scan --write-review` does that."
        )
    yield from evidence.notes


def _rows(evidence: PastEvidence) -> Iterator[tuple[str, ...]]:
    opinions = {one.rule: one for one in evidence.opinions}
    for one in evidence.records:
        low, high = one.interval
        yield (
            terminal_safe(one.rule),
            terminal_safe(one.remedy),
            str(one.tried),
            str(one.helped),
            f"{one.helped / one.tried:.0%}" if one.tried else "-",
            f"{low:.0%} to {high:.0%}" if one.tried else "-",
            str(one.made_worse),
            str(one.cannot_tell),
            _said(opinions.get(one.rule)),
            " ".join(terminal_safe(run)[:_SHOWN_ID] for run in one.last_runs),
        )


def _said(opinion: RuleRecord | None) -> str:
    if opinion is None or not opinion.judged:
        return "-"
    return f"{opinion.real_problems} real, {opinion.false_alarms} false"


def _record(record: RemedyRecord) -> dict[str, Any]:
    return {
        "rule": record.rule,
        "change": record.remedy,
        "tried": record.tried,
        "helped": record.helped,
        "no_effect": record.no_effect,
        "made_worse": record.made_worse,
        "cannot_tell": record.cannot_tell,
        "interval": list(record.interval),
        "last_runs": list(record.last_runs),
    }


def _opinion(record: RuleRecord) -> dict[str, Any]:
    return {
        "rule": record.rule,
        "real_problems": record.real_problems,
        "false_alarms": record.false_alarms,
        "disputed": record.disputed,
    }


def _counted(count: int, word: str, several: str = "") -> str:
    return f"{count:,} {word if count == 1 else several or f'{word}s'}"
