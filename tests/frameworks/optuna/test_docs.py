"""What docs/how-to/search-with-optuna.md prints runs, and does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import mlflow
import pytest
from optuna.trial import TrialState

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "search-with-optuna.md"


def test_code_of_the_page(
    tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)

    searched = names["study"].trials[:6]
    lost = [one for one in searched if "non-finite" in one.user_attrs.get("tuneguard.pruned", "")]
    assert lost
    assert all(one.state is TrialState.PRUNED and one.params["lr"] > 0.1 for one in lost)
    assert any(one.state is TrialState.COMPLETE for one in searched)
    assert names["smaller"]["lr"].high < 30.0
    assert names["smaller"]["lr"].low == 1e-5
    assert names["on_a_grid"].best_value > 0.8
    assert len(names["shared"].trials) == 2
    assert (tmp_path / "study.db").exists()
    assert len(mlflow.search_runs(output_format="list")) == len(names["study"].trials) - 1 + 2
