"""The wheel in an environment of its own, without any extra. `make test-wheel` sets it up."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import jsonschema
import pytest

from tuneguard.rules import BUILTIN_RULES

ROOT = Path(__file__).parent.parent.parent
BUILT = ROOT / "build" / "wheel"
PROGRAMS = BUILT / "env" / "bin"
HEAVY = {"fastapi", "jinja2", "matplotlib", "mlflow", "numpy", "pyarrow", "rich", "scipy", "torch"}
NOBODY_LISTENS = "http://127.0.0.1:9"
EXTRAS = {
    "lightning": "lightning",
    "transformers": "transformers",
    "keras": "keras",
    "optuna": "optuna",
    "ray_tune": "ray-tune",
}
"""The extra of each package that works with a framework."""


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the clean environment, with no way to a tracking server."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ}
    settings = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": NOBODY_LISTENS,
        "TUNEGUARD_SPOOL": str(folder / "spool"),
    }
    program, *arguments = command
    return subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=folder,
        env=kept | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def imported_by(folder: Path, *arguments: str) -> set[str]:
    """Return the packages that a command of tuneguard imports."""
    code = (
        "import sys\n"
        "from tuneguard.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "finally:\n"
        "    print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)\n"
    )
    return set(run(folder, "python", "-c", code).stderr.split())


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "history.csv"
    rows = [f"{epoch},{2.0 * 0.9**epoch},{1 + 0.05 * abs(epoch - 10)}" for epoch in range(40)]
    path.write_text("\n".join(["epoch,train_loss,val_loss", *rows, ""]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database that `tuneguard demo` leaves."""
    folder = tmp_path_factory.mktemp("demonstration")
    shown = run(folder, "tuneguard", "demo")
    assert shown.returncode == 0, shown.stderr
    return folder / "tuneguard-demo" / "mlflow.db"


def test_the_wheel_holds_every_file_of_the_package() -> None:
    (wheel,) = BUILT.glob("tuneguard-*.whl")
    package = ROOT / "tuneguard"
    there = {path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("tuneguard/")}
    assert packed == {path.relative_to(ROOT).as_posix() for path in there}
    assert "tuneguard/py.typed" in packed


def test_what_runs_is_the_wheel(tmp_path: Path) -> None:
    place = run(tmp_path, "python", "-c", "import tuneguard; print(tuneguard.__file__)").stdout

    assert place.startswith(str(BUILT / "env"))


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    shown = run(tmp_path, "tuneguard", "--help")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "diagnose" in shown.stdout
    assert HEAVY.isdisjoint(imported_by(tmp_path, "--help"))


def test_a_file_is_diagnosed_without_torch_and_without_a_server(history: Path) -> None:
    done = run(history.parent, "tuneguard", "diagnose", history.name, "--format", "json")

    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert [finding["rule"] for finding in document["findings"]] == ["overfitting"]
    (schema,) = (BUILT / "env").glob("lib/python*/site-packages/tuneguard/reports/*.schema.json")
    jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))

    imported = imported_by(history.parent, "diagnose", history.name)
    assert "numpy" in imported
    assert imported.isdisjoint({"torch", "mlflow", "matplotlib", "fastapi"})


def test_a_file_is_diagnosed_as_a_page(history: Path) -> None:
    done = run(history.parent, "tuneguard", "diagnose", history.name, "--format", "html")

    assert (done.returncode, done.stderr) == (1, "")
    assert "<svg" in done.stdout


def test_every_rule_is_explained(tmp_path: Path) -> None:
    explained = run(tmp_path, "tuneguard", "explain", "TG", "--format", "markdown").stdout

    assert [
        rule.id for rule in BUILTIN_RULES if f"# {rule.id} {rule.name}\n" not in explained
    ] == []
    assert explained.count("## When it is wrong") == len(BUILTIN_RULES)


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items(), ids=EXTRAS)
def test_a_package_names_its_extra(package: str, extra: str, tmp_path: Path) -> None:
    failed = run(tmp_path, "python", "-c", f"import tuneguard.{package}")

    last = failed.stderr.splitlines()[-1]
    assert last.endswith(f'needs more: pip install "tuneguard[{extra}]"')


def test_every_extra_that_is_named_exists(tmp_path: Path) -> None:
    code = (
        "from importlib.metadata import metadata\n"
        "print(*metadata('tuneguard').get_all('Provides-Extra'))"
    )
    offered = run(tmp_path, "python", "-c", code).stdout.split()

    assert {*EXTRAS.values(), "mcp", "tensorboard", "ray"} <= set(offered)


def test_the_agent_server_names_its_extra(tmp_path: Path) -> None:
    failed = run(tmp_path, "tuneguard", "mcp")

    assert failed.returncode == 2
    assert failed.stderr == 'Error: `tuneguard mcp` needs more: pip install "tuneguard[mcp]"\n'


def test_event_files_name_their_extra(tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1700000000.host").touch()

    failed = run(tmp_path, "tuneguard", "diagnose", str(tmp_path))

    assert failed.returncode == 2
    assert 'pip install "tuneguard[tensorboard]"' in failed.stderr


@pytest.mark.slow
def test_the_demonstration_trains_and_diagnoses(demonstrated: Path) -> None:
    assert demonstrated.is_file()


@pytest.mark.slow
def test_a_scan_by_ray_names_its_extra(demonstrated: Path) -> None:
    store = ["--tracking-uri", f"sqlite:///{demonstrated}", "--experiment", "tuneguard demo"]

    failed = run(demonstrated.parent, "tuneguard", "scan", *store, "--engine", "ray", "--force")

    assert failed.returncode == 2
    assert "pip install 'tuneguard[ray]'" in failed.stderr
