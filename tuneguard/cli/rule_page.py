"""The page of a rule, from its docstring, its thresholds and what it requires."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneguard.rule import Requirement, Rule

HEADINGS = (
    "What it detects",
    "Why it matters",
    "How it decides",
    "When it is wrong",
    "References",
)
_HEADING = re.compile(rf"^({'|'.join(HEADINGS)}):[ \t]*$", re.MULTILINE)


def summary_of(rule: type[Rule]) -> str:
    """Return the first paragraph of a rule's docstring, on one line."""
    return " ".join(inspect.cleandoc(rule.__doc__ or "").split("\n\n", 1)[0].split())


def sections_of(rule: type[Rule]) -> dict[str, str]:
    """Return the text under each heading of a rule's docstring."""
    parts = _HEADING.split(inspect.cleandoc(rule.__doc__ or ""))[1:]
    return {
        heading: inspect.cleandoc("\n" + text.strip("\n")).strip()
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }


def thresholds_of(rule: type[Rule]) -> dict[str, object]:
    """Return the default of each threshold of a rule."""
    return {field.name: field.default for field in dataclasses.fields(rule)}


def as_row(rule: type[Rule]) -> dict[str, str]:
    """Return what a list of rules says of one."""
    return {
        "id": rule.id,
        "name": rule.name,
        "default_severity": str(rule.default_severity),
        "summary": summary_of(rule),
    }


def requirement_in_words(requirement: Requirement) -> str:
    """Say which series a rule cannot do without."""
    roles = " or ".join(role.value.replace("_", " ") for role in requirement.any_of)
    points = "point" if requirement.min_points == 1 else "points"
    return f"{roles}, at least {requirement.min_points} finite {points}"


def as_markdown(rule: type[Rule]) -> str:
    """Render the page of a rule as Markdown."""
    blocks = [
        f"# {rule.id} {rule.name}",
        summary_of(rule),
        f"Default severity: **{rule.default_severity}**.",
    ]
    for heading, text in sections_of(rule).items():
        blocks += [f"## {heading}", text.replace("``", "`")]
    if rule.requires:
        blocks += ["## What it needs", _bullets(map(requirement_in_words, rule.requires))]
    if thresholds := thresholds_of(rule):
        rows = [f"| `{name}` | `{value!r}` |" for name, value in thresholds.items()]
        blocks += [
            "## Thresholds",
            "\n".join(["| threshold | default |", "| --- | --- |", *rows]),
        ]
    return "\n\n".join(blocks) + "\n"


def as_text(rule: type[Rule]) -> str:
    """Render the page of a rule for a terminal."""
    blocks = [
        f"{rule.id} {rule.name} ({rule.default_severity})",
        summary_of(rule),
    ]
    sections = {heading: text.replace("``", "`") for heading, text in sections_of(rule).items()}
    if rule.requires:
        sections["What it needs"] = "\n".join(map(requirement_in_words, rule.requires))
    if thresholds := thresholds_of(rule):
        sections["Thresholds"] = "\n".join(f"{n} = {v!r}" for n, v in thresholds.items())
    for heading, text in sections.items():
        indented = "\n".join(f"  {line}".rstrip() for line in text.splitlines())
        blocks.append(f"{heading}\n{indented}")
    return "\n\n".join(blocks) + "\n"


def _bullets(lines: map[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
