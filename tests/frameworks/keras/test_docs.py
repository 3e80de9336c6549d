"""What docs/how-to/use-with-keras.md prints runs."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from tuneguard import load_run
from tuneguard.keras import portrait, task

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "use-with-keras.md"


def test_code_of_the_page(tracking_uri: str) -> None:
    names: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    history = load_run(names["guard"].run_id)
    assert len(history.series["train/loss"]) == 5 * 512 / 32


def test_examples_of_the_modules() -> None:
    for module in (portrait, task):
        assert doctest.testmod(module).failed == 0
