"""The group of commands, and how a command may end."""

from __future__ import annotations

import traceback
from typing import Any

import click

from tuneguard.cli.compare import compare
from tuneguard.cli.demo import demo
from tuneguard.cli.diagnose import diagnose
from tuneguard.cli.doctor import doctor
from tuneguard.cli.evidence import evidence
from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.explain import explain
from tuneguard.cli.mcp import mcp
from tuneguard.cli.review import review
from tuneguard.cli.rules import rules
from tuneguard.cli.scan import scan
from tuneguard.cli.sync import sync
from tuneguard.cli.terminal import say
from tuneguard.cli.treat import treat
from tuneguard.cli.view import view
from tuneguard.cli.watch import watch
from tuneguard.exceptions import TuneGuardError
from tuneguard.reports.untrusted import code_safe
from tuneguard.version import __version__


class Program(click.Group):
    """A group whose commands never end with a traceback for what the user can mend."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and turn what it raises into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except TuneGuardError as error:
            say(f"Error: {error}")
            ctx.exit(ExitCode.COULD_NOT_TELL)
        except KeyboardInterrupt:
            ctx.exit(ExitCode.INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception:  # noqa: BLE001 - Python ends a crash with 1, which here means "found"
            click.echo(code_safe(traceback.format_exc()), err=True)
            say("Error: this is a bug in tuneguard; please report it with the lines above.")
            ctx.exit(ExitCode.COULD_NOT_TELL)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99},
    epilog="""\b
Exit codes:
  0  nothing found at or above --fail-on
  1  something was found
  2  could not tell; standard error says what to do

\b
Examples:
  tuneguard demo
  tuneguard diagnose 6f1c2b7e9d0a4c55b3f2a1d0e9c8b7a6
  tuneguard diagnose history.json --format markdown
""",
)
@click.version_option(__version__, prog_name="tuneguard")
def main() -> None:
    """Say what went wrong in a training run, prove it, and propose what to change."""


COMMANDS = (
    *(diagnose, scan, watch, compare, treat, evidence, review, view),
    *(rules, explain, demo, doctor, sync, mcp),
)
for command in COMMANDS:
    main.add_command(command)
