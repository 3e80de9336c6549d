"""`tuneguard view`: a saved view of an experiment that shows its sick runs."""

from __future__ import annotations

import click

from tuneguard.cli import options
from tuneguard.cli.examination import say_tracking_uri
from tuneguard.cli.terminal import say


@click.command(
    epilog="""\b
Examples:
  tuneguard view install image-classifier
  tuneguard view remove image-classifier --tracking-uri http://localhost:5000
"""
)
@click.argument("action", type=click.Choice(["install", "remove"]))
@click.argument("experiment", metavar="EXPERIMENT")
@options.tracking_uri
def view(action: str, experiment: str, tracking_uri: str | None) -> None:
    """Save a view of an experiment that shows its runs with alarms.

    `install` adds it to the Views menu above the table of runs: those whose diagnosis found
    something worse than info, critical first, with verdict and findings as columns. Installing it
    again replaces it; `remove` takes it away. Prints the address that opens it.
    """
    from tuneguard.storage import saved_view

    say_tracking_uri(tracking_uri)
    if action == "install":
        installed = saved_view.install_view(experiment, tracking_uri)
        say(f"View {saved_view.NAME!r} {'replaced' if installed.was_there else 'installed'}")
        click.echo(installed.url)
        return
    was_there = saved_view.remove_view(experiment, tracking_uri)
    say(f"View {saved_view.NAME!r} {'removed' if was_there else 'was not there'}")
