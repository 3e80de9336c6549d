"""Findings as workflow commands, which GitHub shows as annotations of a job.

The format is that of GitHub's documentation, *Workflow commands for GitHub Actions*.
"""

from __future__ import annotations

from collections.abc import Iterable

from tuneguard.findings import Severity
from tuneguard.reports.pipelines.judged import Judged, advice
from tuneguard.reports.untrusted import cleaned

_COMMANDS = {Severity.INFO: "notice", Severity.WARNING: "warning", Severity.CRITICAL: "error"}


def render_github(judged: Iterable[Judged]) -> str:
    """Return a line for each finding, and for each target that could not be judged."""
    lines: list[str] = []
    for one in judged:
        place = {"file": one.target} if one.is_file else {}
        for finding in one.findings:
            title = f"{finding.rule_id} {finding.rule}: {one.target}"
            command = _COMMANDS[finding.severity]
            lines.append(_command(command, {**place, "title": title}, advice(finding)))
        if one.error:
            lines.append(_command("error", {"title": f"could not tell: {one.target}"}, one.error))
    return "".join(f"{line}\n" for line in lines)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    settings = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {settings}::{_data(message)}"


def _data(text: str) -> str:
    r"""Escape a message: a line break would end the command, and what follows could be another.

    >>> _data("50 %\n::error::x")
    '50 %25 ::error::x'
    """
    return cleaned(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
