"""A server with accounts: who may not, is told so in one line, and has changed nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient
from mlflow.entities import Metric

from tuneguard.cli import main

if TYPE_CHECKING:
    from tests.real.harness.accounts import Accounts

COMMANDS = {
    "diagnose": ["diagnose", "RUN"],
    "review": ["review", "RUN"],
    "review-experiment": ["review", "--experiment", "EXPERIMENT"],
    "scan": ["scan", "--experiment", "EXPERIMENT"],
    "scan-and-write": ["scan", "--experiment", "EXPERIMENT", "--write-review"],
}
WRITING = ("diagnose", "scan", "scan-and-write")


@pytest.fixture(scope="session")
def accounts_server(
    empty_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Accounts]:
    pytest.importorskip("flask_wtf", reason="no accounts in MLflow: pip install 'mlflow[auth]'")
    from tests.real.harness.accounts import ADMINISTRATOR, accounts_server

    folder = tmp_path_factory.mktemp("with-accounts")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    with (
        pytest.MonkeyPatch.context() as patch,
        accounts_server(folder, f"sqlite:///{folder / 'mlflow.db'}") as accounts,
    ):
        for name, value in accounts.credentials(ADMINISTRATOR).items():
            patch.setenv(name, value)
        accounts.register()
        yield accounts


@pytest.fixture
def experiment(accounts_server: Accounts, request: pytest.FixtureRequest) -> str:
    """Name of an experiment that the reader may read, and the stranger may not."""
    name = str(request.node.name)
    accounts_server.let_read(MlflowClient(accounts_server.uri).create_experiment(name))
    return name


@pytest.fixture
def run_id(accounts_server: Accounts, experiment: str) -> str:
    """A finished run with an overfit model, that nobody has diagnosed."""
    client = MlflowClient(accounts_server.uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    run_id = str(client.create_run(found.experiment_id).info.run_id)
    client.log_batch(run_id, [*_overfitting("train_loss", 0.0), *_overfitting("val_loss", 0.03)])
    client.set_terminated(run_id)
    return run_id


def _overfitting(key: str, climb: float) -> list[Metric]:
    values = [
        0.3 + 2.0 * math.exp(-epoch / 8) + 0.01 * math.sin(7 * epoch) + climb * max(0, epoch - 15)
        for epoch in range(60)
    ]
    return [Metric(key, value, 1000 + epoch, epoch) for epoch, value in enumerate(values)]


class Person:
    """Somebody with an account, at the command line.

    Attributes:
        places: What the words RUN and EXPERIMENT of a command stand for.
    """

    def __init__(self, accounts: Accounts, name: str, places: dict[str, str]) -> None:
        self._accounts = accounts
        self._name = name
        self._places = places

    def runs(self, *command: str) -> Result:
        words = [self._places.get(word, word) for word in command]
        return CliRunner().invoke(
            main,
            [*words, "--tracking-uri", self._accounts.uri],
            env=self._accounts.credentials(self._name),
        )


People = Callable[[str], Person]


@pytest.fixture(name="person")
def person_with_an_account(accounts_server: Accounts, experiment: str, run_id: str) -> People:
    places = {"RUN": run_id, "EXPERIMENT": experiment}
    return lambda name: Person(accounts_server, name, places)


def everything(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """Return what a diagnosis could change on the server."""
    run = client.get_run(run_id)
    experiment = client.get_experiment(run.info.experiment_id)
    return {
        "run": run.to_dictionary(),
        "artifacts": [one.path for one in client.list_artifacts(run_id)],
        "traces": [
            trace.info.trace_id
            for trace in client.search_traces(locations=[run.info.experiment_id])
        ],
        "experiment": (experiment.name, experiment.tags, experiment.last_update_time),
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_who_may_not_read_is_told_so(
    accounts_server: Accounts, person: People, run_id: str, command: str
) -> None:
    client = MlflowClient(accounts_server.uri)
    before = everything(client, run_id)
    result = person("stranger").runs(*COMMANDS[command])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    assert "Permission denied. Your account lacks the right" in errors[0]
    assert everything(client, run_id) == before


@pytest.mark.parametrize("command", WRITING)
def test_who_may_only_read_changes_nothing(
    accounts_server: Accounts, person: People, run_id: str, command: str
) -> None:
    client = MlflowClient(accounts_server.uri)
    before = everything(client, run_id)
    result = person("reader").runs(*COMMANDS[command])
    assert result.exit_code == 2, result.output
    assert "Permission denied. Your account lacks the right" in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert everything(client, run_id) == before


def test_who_may_only_read_gets_the_diagnosis_all_the_same(person: People) -> None:
    refused = person("reader").runs("diagnose", "RUN")
    assert refused.stdout.startswith("WARNING  Overfitting")
    asked = person("reader").runs("diagnose", "RUN", "--no-write")
    assert (asked.exit_code, asked.stdout) == (1, refused.stdout)
    assert "Error" not in asked.stderr


def test_who_may_read_reads_the_verdicts_of_others(person: People) -> None:
    written = person("admin").runs("diagnose", "RUN")
    assert written.exit_code == 1, written.stderr
    result = person("reader").runs("review", "RUN")
    assert result.exit_code == 0, result.stderr
    assert "overfitting" in result.stdout


def test_whom_nobody_knows_is_told_how_to_say_who_one_is(
    accounts_server: Accounts, run_id: str
) -> None:
    wrong = {"MLFLOW_TRACKING_USERNAME": "reader", "MLFLOW_TRACKING_PASSWORD": "no such word"}
    words = ["diagnose", run_id, "--tracking-uri", accounts_server.uri]
    result = CliRunner().invoke(main, words, env=wrong)
    assert result.exit_code == 2
    assert "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in result.stderr
    assert "no such word" not in result.output
