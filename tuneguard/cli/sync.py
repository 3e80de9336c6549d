"""`tuneguard sync`: send what a recorder could not deliver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.terminal import say
from tuneguard.reports.untrusted import terminal_safe

if TYPE_CHECKING:
    from tuneguard.storage.sync import SyncResult


@click.command(
    epilog="""\b
Examples:
  tuneguard sync
  tuneguard sync --spool /scratch/spool --tracking-uri http://localhost:5000
"""
)
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="Tracking store; the one that each run was recorded for by default.",
)
@click.option(
    "--spool",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder in which recorders keep what is not delivered yet.",
)
@click.pass_context
def sync(ctx: click.Context, tracking_uri: str | None, spool: Path | None) -> None:
    """Send to MLflow what recorders could not deliver.

    That is what was recorded while the server was away, or when the process died. Prints a line
    for each run. Exits with 2 where something could not be sent; it stays on disk.
    """
    from tuneguard.spool.spool_folder import spool_folders, spool_root
    from tuneguard.storage import sync as delivery

    root = spool_root(spool)
    waiting = len(list(spool_folders(root)))
    say(f"Spool: {root}, {waiting or 'nothing'} to send")
    results = delivery.sync(root, tracking_uri, on_result=lambda one: click.echo(_line(one)))
    has_failed = any(one.outcome == "failed" for one in results)
    if has_failed:
        say("What failed stays on disk: mend the reason, and run `tuneguard sync` again.")
    ctx.exit(ExitCode.COULD_NOT_TELL if has_failed else ExitCode.NOTHING_FOUND)


def _line(result: SyncResult) -> str:
    run = f"run {result.run_id}" if result.run_id else "no run yet"
    store = f" in {result.tracking_uri}" if result.tracking_uri else ""
    reason = f": {result.reason}" if result.reason else ""
    return terminal_safe(f"{result.outcome}  {result.spool.name}  {run}{store}{reason}")
