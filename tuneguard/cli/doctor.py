"""`tuneguard doctor`: check the set-up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuneguard.cli import options
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.terminal import wants_color
from tuneguard.reports.untrusted import terminal_safe

if TYPE_CHECKING:
    from tuneguard.cli.checks import Check

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(
    epilog="""\b
Examples:
  tuneguard doctor
  tuneguard doctor --tracking-uri http://localhost:5000
"""
)
@options.tracking_uri
@click.option(
    "--spool",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which recorders keep what is not delivered yet.",
)
@click.pass_context
def doctor(ctx: click.Context, tracking_uri: str | None, spool: Path | None) -> None:
    """Check the set-up; nothing is written.

    Looks at versions, the tracking store, the folder of undelivered runs and the device. Each
    line begins with ok, warn or fail, and says what to do. Exits with 2 where a line fails.
    """
    from tuneguard.cli.checks import run_checks

    checks = []
    for check in run_checks(tracking_uri, spool):
        click.echo(_line(check))
        checks.append(check)
    has_failed = any(check.status == "fail" for check in checks)
    ctx.exit(ExitCode.COULD_NOT_TELL if has_failed else ExitCode.NOTHING_FOUND)


def _line(check: Check) -> str:
    status = check.status.ljust(4)
    mark = click.style(status, fg=_COLORS[check.status]) if wants_color() else status
    return f"{mark}  {check.topic}: {terminal_safe(check.said)}"
