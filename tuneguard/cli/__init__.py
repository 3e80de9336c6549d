"""The `tuneguard` command."""

from tuneguard.cli.program import main

__all__ = ["main"]
