"""Without the extra the error says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
sys.modules[{hidden!r}] = None
try:
    import tuneguard.transformers
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("hidden", ["transformers", "accelerate"])
def test_the_error_names_the_extra(hidden: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(hidden=hidden)],
        capture_output=True,
        text=True,
        check=False,
    )
    wanted = 'tuneguard.transformers needs more: pip install "tuneguard[transformers]"'
    assert done.stdout.strip() == wanted, done.stderr
