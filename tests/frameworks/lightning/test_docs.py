"""What docs/how-to/use-with-lightning.md and the examples of docstrings print."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard.lightning import validation_metrics

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "use-with-lightning.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_runs(client: MlflowClient, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        exec(compile(block, str(PAGE), "exec"), names)

    printed = capsys.readouterr().out.split()
    runs = {run.info.run_id for run in client.search_runs(["0"])}
    assert runs & set(printed)
    assert len(runs) == 2


def test_examples_of_docstrings() -> None:
    assert doctest.testmod(validation_metrics) == doctest.TestResults(failed=0, attempted=2)
