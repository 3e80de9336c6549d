"""`tuneguard explain`: one rule's page."""

from __future__ import annotations

import click

from tuneguard.cli import rule_page
from tuneguard.cli.selection import match_rules


@click.command(
    epilog="""\b
Examples:
  tuneguard explain overfitting
  tuneguard explain TG201 --format markdown
"""
)
@click.argument("rule")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="How to print the page.",
)
def explain(rule: str, output_format: str) -> None:
    """Print the page of a rule.

    RULE is a name or an id. The page says what the rule detects, how it decides and when it is
    wrong. An id prefix such as TG1 prints the pages of all rules under it.
    """
    from tuneguard.catalogue import installed_rules

    render = rule_page.as_markdown if output_format == "markdown" else rule_page.as_text
    pages = [render(one) for one in match_rules(rule, installed_rules())]
    click.echo("\n".join(pages), nl=False)
