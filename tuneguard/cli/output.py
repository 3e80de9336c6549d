"""Where the result goes: standard output, or a file that is whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from tuneguard.cli.terminal import say
from tuneguard.exceptions import TuneGuardError


def write_result(chunks: Iterable[str], output: Path | None) -> None:
    """Write `chunks` to standard output as they come, or all of them to the file `output`.

    Raises:
        TuneGuardError: The file cannot be written.
    """
    if output is None:
        for chunk in chunks:
            click.echo(chunk, nl=False)
        return
    text = "".join(chunks)
    try:
        _replace(output, text)
    except OSError as error:
        raise TuneGuardError(f"Could not write {output}: {error.strerror}.") from error
    say(f"Result written to {output}")


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
