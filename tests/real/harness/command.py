"""The command as a person runs it: the installed script, in a process and a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("tuneguard")
PATIENCE_SECONDS = 240
"""Against hangs only: nothing is measured by it."""


def tuneguard(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command and return what it printed and its exit code.

    Args:
        *arguments: What to run it with.
        folder: Where it runs.
        environment: What it finds in its environment beside what this process has.
    """
    return subprocess.run(
        [str(SCRIPT), *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
