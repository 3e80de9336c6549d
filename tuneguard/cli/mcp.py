"""`tuneguard mcp`: the tools for agents."""

from __future__ import annotations

import click

from tuneguard.cli import options
from tuneguard.exceptions import MissingExtraError


@click.command(
    epilog="""\b
Examples:
  tuneguard mcp --tracking-uri http://localhost:5000
  claude mcp add tuneguard -- tuneguard mcp
"""
)
@options.tracking_uri
@click.option(
    "--allow-write", is_flag=True, help="Offer a tool that writes reviews into runs as well."
)
def mcp(tracking_uri: str | None, allow_write: bool) -> None:
    """Serve the tools for agents, over the Model Context Protocol.

    Speaks on standard input and output, as an agent that starts this command expects. The tools
    list runs, diagnose a run, and list and explain rules; they read only. What runs say of
    themselves is marked as untrusted. Needs the extra: pip install "tuneguard[mcp]"
    """
    try:
        from tuneguard.cli.agent.server import make_server
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "mcp":
            raise
        raise MissingExtraError("`tuneguard mcp`", "mcp") from error
    make_server(tracking_uri, may_write=allow_write).run()
