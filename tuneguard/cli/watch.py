"""`tuneguard watch`: follow a run that is training now."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from tuneguard.cli import options
from tuneguard.cli.examination import Examined, load_history, say_tracking_uri
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.links import say_run_pages
from tuneguard.cli.selection import role_and_key
from tuneguard.cli.terminal import can_show_blocks, say, terminal_width, wants_color

if TYPE_CHECKING:
    from tuneguard.history import RunHistory
    from tuneguard.reports.watch.live import Screen


@click.command(
    epilog="""\b
Examples:
  tuneguard watch 6f1c2b7e9d0a4c55b3f2a1d0e9c8b7a6
  tuneguard watch RUN_ID --interval 30 --fail-on critical >> training.log
"""
)
@click.argument("run_id", metavar="RUN_ID")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.5),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait so long between two looks, and longer where a look takes long.",
)
@options.fail_on(
    options.SEVERITIES,
    "warning",
    "Exit with 1 where a finding at the end of the run is at least this severe.",
)
@options.tracking_uri
@options.role_keys()
@click.pass_context
def watch(ctx: click.Context, /, run_id: str, **options: Any) -> None:
    """Follow a run that is training now.

    Shows how far it is, its curves, and what is found as it arises; in a pipe or a log, a line
    for each event. A finding that was seen stays listed, and is marked when it is gone. A server
    that goes away is waited for. When the run ends, the diagnosis is printed as `diagnose` prints
    it, with the same exit codes; nothing is written into the run. Ctrl-C stops watching: the run
    goes on.
    """
    from tuneguard.cli.following import LogListener, ScreenListener, follow
    from tuneguard.storage.following import RunFollower

    tracking_uri, roles = options["tracking_uri"], dict(map(role_and_key, options["role_keys"]))
    say_tracking_uri(tracking_uri)
    follower = RunFollower(run_id, tracking_uri, roles=roles)
    try:
        if _is_terminal():
            with _screen() as screen:
                follow(
                    follower.read, ScreenListener(screen), options["interval"], sleep=time.sleep
                )
        else:
            follow(follower.read, LogListener(), options["interval"], sleep=time.sleep)
    except KeyboardInterrupt:
        say(f"Stopped watching; run {run_id} is left as it is.")
        ctx.exit(ExitCode.INTERRUPTED)
    ctx.exit(_conclude(load_history(run_id, tracking_uri, roles), options["fail_on"]))


def _is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _screen() -> Screen:
    from tuneguard.reports.watch.live import Screen

    return Screen(color=wants_color(), blocks=can_show_blocks())


def _conclude(history: RunHistory, fail_on: str) -> ExitCode:
    """Print the diagnosis of a run that has ended, read as a whole once more."""
    from tuneguard.diagnosis import diagnose
    from tuneguard.reports.text import render_text

    diagnosis = diagnose(history)
    click.echo()
    click.echo(render_text(diagnosis, color=wants_color(), width=terminal_width()), nl=False)
    run_id = history.identity.run_id
    say_run_pages([history])
    say(f"Run {run_id} has ended. To write the review into it: tuneguard diagnose {run_id}")
    return Examined(str(run_id), diagnosis).exit_code(fail_on)
