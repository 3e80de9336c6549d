"""What is said to a person: status lines on standard error, and whether colours are wanted."""

from __future__ import annotations

import os
import shutil
import sys

import click

from tuneguard.reports.untrusted import terminal_safe


def say(message: str) -> None:
    """Write a status line to standard error; standard output is kept for the result."""
    click.echo(terminal_safe(message), err=True)


def wants_color() -> bool:
    """Whether standard output is a terminal whose user has not switched colours off."""
    is_off = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_off


def terminal_width() -> int:
    """Return the columns to fill: those of the terminal up to 100, and 100 elsewhere."""
    return min(100, shutil.get_terminal_size((100, 24)).columns)


def can_show_blocks() -> bool:
    """Whether the encoding of standard output has the characters that curves are drawn with."""
    try:
        "▁█…".encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
