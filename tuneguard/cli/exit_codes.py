"""What the exit codes say."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. Of several targets the worst code wins: 2 beats 1."""

    NOTHING_FOUND = 0
    FOUND = 1
    COULD_NOT_TELL = 2
    INTERRUPTED = 130
