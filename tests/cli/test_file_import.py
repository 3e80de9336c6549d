"""`tuneguard diagnose FILE --to-mlflow EXPERIMENT`."""

import subprocess
import sys

import pytest
from mlflow import MlflowClient

from tuneguard import keys


@pytest.fixture
def imported(tracking_uri):
    client = MlflowClient(tracking_uri)

    def of(experiment):
        return client.search_runs([client.get_experiment_by_name(experiment).experiment_id])

    return of


def test_a_file_becomes_a_run_with_its_review(invoke, sick_file, tracking_uri, imported):
    result = invoke("diagnose", sick_file, "--to-mlflow", "files", "--tracking-uri", tracking_uri)

    assert result.exit_code == 1
    assert "Overfitting" in result.stdout
    run = imported("files")[0]
    assert f"is imported as run {run.info.run_id}." in result.stderr
    assert run.data.tags[keys.TAG_VERDICT] == "warning"


@pytest.mark.usefixtures("undrawn")
def test_the_run_is_then_diagnosed_like_any_other(invoke, sick_file, tracking_uri, imported):
    invoke("diagnose", sick_file, "--to-mlflow", "files", "--tracking-uri", tracking_uri)
    run_id = imported("files")[0].info.run_id

    result = invoke("diagnose", run_id, "--tracking-uri", tracking_uri)

    assert result.exit_code == 1
    assert "unchanged since the last diagnosis" in result.stderr


@pytest.mark.usefixtures("undrawn")
def test_the_same_file_is_imported_once(invoke, sick_file, tracking_uri, imported):
    for words in ("is imported as", "was imported before"):
        result = invoke(
            "diagnose", sick_file, "--to-mlflow", "files", "--tracking-uri", tracking_uri
        )
        assert words in result.stderr

    assert len(imported("files")) == 1


def test_an_interrupt_is_said_and_ends_with_130(
    invoke, sick_file, tracking_uri, imported, monkeypatch
):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlflow.MlflowClient.log_batch", interrupted)

    result = invoke("diagnose", sick_file, "--to-mlflow", "files", "--tracking-uri", tracking_uri)

    assert result.exit_code == 130
    assert "The same command completes it" in result.stderr
    assert imported("files")[0].info.status == "KILLED"


@pytest.mark.parametrize("options", [["f" * 32], ["file.json", "--no-write"]])
def test_what_cannot_be_imported_is_a_usage_error(invoke, options):
    assert invoke("diagnose", *options, "--to-mlflow", "files").exit_code == 2


def test_a_long_file_is_said_before_it_is_read(invoke, tmp_path, monkeypatch):
    monkeypatch.setattr("tuneguard.cli.file_import._LONG", 10)
    (tmp_path / "history.csv").write_text("step,loss\n0,2\n1,1\n")

    result = invoke("diagnose", tmp_path / "history.csv")

    assert "row by row" in result.stderr


def test_a_file_is_diagnosed_without_torch_mlflow_or_tensorboard(sick_file):
    check = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from tuneguard.cli import main\n"
        "assert CliRunner().invoke(main, ['diagnose', sys.argv[1]]).exit_code == 1\n"
        "sys.exit(bool({'torch', 'mlflow', 'tensorboard', 'pandas'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", check, sick_file], check=False).returncode == 0
