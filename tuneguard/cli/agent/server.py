"""The tools as an MCP server, made with the official Python SDK."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from tuneguard.catalogue import installed_rules
from tuneguard.cli.agent.answers import NOTICE, Answers, catalogue
from tuneguard.cli.rule_page import as_markdown
from tuneguard.cli.selection import match_rules
from tuneguard.exceptions import TuneGuardError
from tuneguard.reports.untrusted import cleaned
from tuneguard.version import __version__

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True)
_MOST_RUNS = 200

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


def _answered(tool: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """Have what the agent can mend told to it in one line."""

    @wraps(tool)
    def told(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        try:
            return tool(*args, **kwargs)
        except TuneGuardError as error:
            raise ToolError(cleaned(str(error))) from error

    return told


def make_server(tracking_uri: str | None, *, may_write: bool) -> MCPServer:
    """Return a server with the tools.

    Args:
        tracking_uri: The store to answer from; MLflow's own choice where not given.
        may_write: Whether there is a tool that writes reviews into runs.
    """
    server = MCPServer("tuneguard", version=__version__, instructions=NOTICE)
    answers = Answers(tracking_uri)

    @server.tool(annotations=_READS)
    @_answered
    def list_runs(experiment: str, limit: int = 50) -> dict[str, Any]:
        """List the newest runs of an MLflow experiment with verdict and findings."""
        return answers.runs(experiment, max(1, min(limit, _MOST_RUNS)))

    @server.tool(annotations=_READS)
    @_answered
    def diagnose(run_id: str) -> dict[str, Any]:
        """Say what went wrong in an MLflow run: findings, evidence, and what to change."""
        return answers.diagnosis(run_id)

    @server.tool(annotations=_READS)
    @_answered
    def list_rules() -> list[dict[str, str]]:
        """List the rules that a diagnosis asks."""
        return catalogue()

    @server.tool(annotations=_READS)
    @_answered
    def explain(rule: str) -> str:
        """Explain a rule, by its name or id: how it decides, and when it is wrong."""
        return "\n".join(as_markdown(one) for one in match_rules(rule, installed_rules()))

    if may_write:

        @server.tool(annotations=_WRITES)
        @_answered
        def write_review(run_id: str) -> dict[str, Any]:
            """Diagnose an MLflow run and write the review into it: tags, description, report."""
            return answers.published_review(run_id)

    return server
