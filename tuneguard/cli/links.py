"""Where the runs that a command was about are looked at, said on standard error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tuneguard.cli.terminal import say

if TYPE_CHECKING:
    from tuneguard.history import RunHistory


def say_run_pages(histories: Iterable[RunHistory], words: str = "Run page") -> None:
    """Say the addresses of runs that are in MLflow; how to start a server, only once.

    Args:
        histories: Runs, and files, which have no page.
        words: What the pages are of.
    """
    from tuneguard.storage.run_page import run_address, run_page

    address = run_page
    for history in histories:
        place = history.identity
        if place.tracking_uri and place.experiment_id and place.run_id:
            say(f"{words}: {address(place.tracking_uri, place.experiment_id, place.run_id)}")
            address = run_address
