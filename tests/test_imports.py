"""Importing tuneguard is light: heavy packages wait until they are needed."""

import subprocess
import sys

import pytest

HEAVY = {"jinja2", "matplotlib", "mlflow", "numpy", "pyarrow", "rich", "scipy", "torch"}


def imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import tuneguard", "import tuneguard.cli", "import tuneguard.keys"]
)
def test_nothing_heavy_is_imported(statement):
    assert HEAVY.isdisjoint(imported_by(statement))


def test_diagnosing_needs_neither_torch_nor_mlflow():
    imported = imported_by("from tuneguard import RunHistory, diagnose; import tuneguard.rules")

    assert imported.isdisjoint({"torch", "mlflow", "matplotlib"})


def test_a_diagnosis_loads_a_small_part_of_scipy():
    code = "import tuneguard.diagnosis, sys; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
