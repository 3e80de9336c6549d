"""`tuneguard watch`: follow a run that is training now."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tuneguard.cli import options
from tuneguard.cli.examination import Examined, load_history, say_tracking_uri
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.links import say_run_pages
from tuneguard.cli.settings import settle
from tuneguard.cli.terminal import can_show_blocks, say, terminal_width, wants_color

if TYPE_CHECKING:
    from tuneguard.history import RunHistory
    from tuneguard.reports.watch.live import Screen
    from tuneguard.rule import Rule


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
@options.config
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

    tracking_uri = options["tracking_uri"]
    settings = settle((), (), options["role_keys"], options["config"])
    say_tracking_uri(tracking_uri)
    follower = RunFollower(run_id, tracking_uri, roles=settings.roles)
    look = partial(follow, follower.read, interval=options["interval"], rules=settings.rules)
    try:
        if _is_terminal():
            with _screen() as screen:
                look(listener=ScreenListener(screen), sleep=time.sleep)
        else:
            look(listener=LogListener(), sleep=time.sleep)
    except KeyboardInterrupt:
        say(f"Stopped watching; run {run_id} is left as it is.")
        ctx.exit(ExitCode.INTERRUPTED)
    history = load_history(run_id, tracking_uri, settings.roles)
    ctx.exit(_conclude(history, settings.rules, options["fail_on"]))


def _is_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _screen() -> Screen:
    from tuneguard.reports.watch.live import Screen

    return Screen(color=wants_color(), blocks=can_show_blocks())


def _conclude(history: RunHistory, rules: Sequence[Rule], fail_on: str) -> ExitCode:
    """Print the diagnosis of a run that has ended, read as a whole once more."""
    from tuneguard.diagnosis import diagnose
    from tuneguard.reports.text import render_text

    diagnosis = diagnose(history, rules)
    click.echo()
    click.echo(render_text(diagnosis, color=wants_color(), width=terminal_width()), nl=False)
    run_id = history.identity.run_id
    say_run_pages([history])
    say(f"Run {run_id} has ended. To write the review into it: tuneguard diagnose {run_id}")
    return Examined(str(run_id), diagnosis).exit_code(fail_on)
