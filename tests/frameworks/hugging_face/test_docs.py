"""What docs/how-to/use-with-transformers.md prints runs."""

from __future__ import annotations

import re
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from tuneguard import load_run

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "use-with-transformers.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.usefixtures("tracking_uri")
def test_the_code_of_the_page_records_two_trainings(client: MlflowClient) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        exec(compile(block, str(PAGE), "exec"), names)
    assert mlflow.active_run() is None
    runs = client.search_runs(["0"], order_by=["start_time"])
    trainer, loop = (load_run(run.info.run_id) for run in runs)
    assert len(trainer.series["train/loss"]) == 2 * 256 / 8
    assert len(trainer.series["validation/loss"]) == 2
    assert len(loop.series["gradient_norm/global"]) == 320 / 8 / 4
