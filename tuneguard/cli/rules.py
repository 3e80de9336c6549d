"""`tuneguard rules`: the catalogue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tuneguard.cli.rule_page import as_row, summary_of

if TYPE_CHECKING:
    from tuneguard.rule import Rule


@click.command(
    epilog="""\b
Examples:
  tuneguard rules
  tuneguard rules --format json
"""
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the catalogue.",
)
def rules(output_format: str) -> None:
    """List the rules: id, name, default severity."""
    from tuneguard.catalogue import installed_rules

    catalogue = installed_rules()
    click.echo(_as_json(catalogue) if output_format == "json" else _as_table(catalogue))


def _as_json(catalogue: Sequence[type[Rule]]) -> str:
    return json.dumps([as_row(rule) for rule in catalogue], indent=2)


def _as_table(catalogue: Sequence[type[Rule]]) -> str:
    rows = [("id", "name", "severity", "says")]
    rows += [(r.id, r.name, str(r.default_severity), summary_of(r)) for r in catalogue]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    )
