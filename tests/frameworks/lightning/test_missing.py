"""Without Lightning the error says what to install; with either of its names it works."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None
{then}
"""


def outcome(hidden: list[str], then: str) -> str:
    code = WITHOUT.format(hidden=hidden, then=then)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr.strip().rpartition("\n")[2]


def test_the_error_names_the_extra() -> None:
    catch = "try:\n    import tuneguard.lightning\nexcept ImportError as error:\n    print(error)"
    said = outcome(["lightning", "pytorch_lightning"], catch)
    assert said.strip() == 'tuneguard.lightning needs more: pip install "tuneguard[lightning]"'


def test_the_older_package_serves_as_well() -> None:
    show = (
        "from tuneguard.lightning import TuneGuardCallback as it; print(it.__mro__[1].__module__)"
    )
    assert outcome(["lightning"], show).startswith("pytorch_lightning.")
