"""The Python code of the README and of the documentation runs as it is printed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from tuneguard import diagnose, load_run
from tuneguard.cli import main as program

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
README = ROOT / "README.md"
MIGRATION = ROOT / "docs" / "how-to" / "come-from-other-tools.md"
TUTORIAL = ROOT / "docs" / "tutorials" / "first-diagnosis.md"
# tests/frameworks runs the pages that need a framework
OF_FRAMEWORKS = ("use-with-*", "search-with-*")
PAGES = [
    page
    for page in sorted([README, *(ROOT / "docs").rglob("*.md")])
    if BLOCK.search(page.read_text(encoding="utf-8"))
    and not any(page.match(pattern) for pattern in OF_FRAMEWORKS)
]


@pytest.fixture
def store(tracking_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    # as torchrun would, for a single process
    for name, value in [("RANK", 0), ("WORLD_SIZE", 1), ("MASTER_PORT", 0)]:
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tracking_uri
    torch.set_num_threads(threads)


def what_a_reader_has() -> dict[str, object]:
    """Return the names that the code takes for granted."""
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    batches = [(torch.randn(8, 4), torch.randint(0, 2, (8,))) for _ in range(3)]
    return {
        "__name__": "page",
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "criterion": nn.CrossEntropyLoss(),
        "train_loader": batches,
        "validation_loader": [(torch.randn(8, 4), torch.randint(0, 2, (8,)))],
        "evaluate": lambda model: (0.7, 0.5),
        "epochs": 2,
    }


def run_code(page: Path, store: str) -> None:
    names = what_a_reader_has()
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        # MLflow goes on using the first database that it opened under a relative path
        code = block.replace("sqlite:///mlflow.db", store)
        exec(compile(code, str(page), "exec"), names)


@pytest.mark.slow
def test_the_code_of_the_readme_runs(store):
    run_code(README, store)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page not in (README, TUTORIAL, MIGRATION)],
    ids=lambda p: p.name,
)
def test_the_code_of_a_page_runs(page, store, undrawn):
    run_code(page, store)


@pytest.mark.slow
def test_the_tutorial_ends_as_it_says(store, capsys):
    run_code(TUTORIAL, store)

    first, second = map(load_run, capsys.readouterr().out.split())
    assert [finding.rule for finding in diagnose(first).findings] == ["overfitting"]
    assert diagnose(second).verdict == "healthy"


@pytest.mark.slow
def test_what_tensorboard_wrote_becomes_a_run(store):
    from mlflow import MlflowClient

    run_code(MIGRATION, store)

    command = ["diagnose", "runs/first", "--to-mlflow", "imported", "--tracking-uri", store]
    result = CliRunner().invoke(program, command)
    assert result.exit_code == 1, result.output
    client = MlflowClient(store)
    (run,) = client.search_runs([client.get_experiment_by_name("imported").experiment_id])
    assert run.data.tags["tuneguard.findings"] == "overfitting"
    assert run.data.metrics["Loss/train"] == pytest.approx(2.0 * 0.9**39)
