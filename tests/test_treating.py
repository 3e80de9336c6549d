"""A treatment leaves its runs in MLflow, and goes on where it was interrupted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from tuneguard import RunHistory, keys, treat
from tuneguard.exceptions import TuneGuardError
from tuneguard.findings import Change, Evidence, Outcome, Prescription, Severity
from tuneguard.history import Role
from tuneguard.reports.treatment.picture import describe_attempts
from tuneguard.reports.treatment.text import render_text
from tuneguard.rule import Requirement, Rule

STEPS = range(40)


@dataclass(frozen=True)
class EndsHigh(Rule):
    """Finds a loss that ends high, and would lower the learning rate."""

    id: ClassVar[str] = "TG904"
    name: ClassVar[str] = "ends-high"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.VALIDATION_LOSS,), 3),)
    judges_learning: ClassVar[bool] = True

    def check(self, history: RunHistory) -> Outcome:
        losses = history.get(Role.VALIDATION_LOSS)
        assert losses is not None
        last = float(losses.values[-1])
        evidence = Evidence("val_loss", "last", last, 0.2, (0, 39))
        if last < 0.2:
            return self.passed(evidence)
        change = Change("learning_rate", 0.1, "multiply")
        lower = Prescription("lr", "1", "less", "Lower it.", "So.", "Time.", "It.", "", (change,))
        why = "It matters."
        return self.found("It was.", why, (evidence,), confidence=0.9, prescriptions=(lower,))


def train(params: dict[str, Any]) -> None:
    """Log a curve that ends as high as the learning rate."""
    run = mlflow.active_run()
    assert run is not None
    points = [Metric("val_loss", params["lr"] + 2.0 * 0.8**step, 0, step) for step in STEPS]
    MlflowClient().log_batch(run.info.run_id, metrics=points)


def children(client: MlflowClient, parent: str) -> list[Run]:
    place = client.get_run(parent).info.experiment_id
    runs = client.search_runs([place], f"tags.mlflow.parentRunId = '{parent}'")
    return sorted(runs, key=lambda one: str(one.info.run_name))


@pytest.fixture
def treated_with_pictures(tracking_uri: str) -> Callable[..., Any]:
    def run(function: Callable[[dict[str, Any]], object] = train, **options: Any) -> Any:
        given = {"params": {"lr": 1.0}, "rules": [EndsHigh], "experiment": "t", **options}
        return treat(function, **given)

    return run


@pytest.fixture
def treated(treated_with_pictures: Callable[..., Any], undrawn: None) -> Callable[..., Any]:
    return treated_with_pictures


def test_each_training_is_a_child_run_that_says_what_changed(
    treated: Callable[..., Any], client: MlflowClient
) -> None:
    treatment = treated()
    assert treatment.params == {"lr": 0.1}
    first, second = children(client, treatment.parent_id)
    assert (first.info.run_name, second.info.run_name) == ("attempt 0", "attempt 1")
    assert [one.data.params["lr"] for one in (first, second)] == ["1.0", "0.1"]
    assert [one.data.tags[keys.TAG_VERDICT] for one in (first, second)] == ["warning", "healthy"]
    assert [one.data.tags[keys.TAG_CHANGE] for one in (first, second)] == [
        "none",
        "lr: 1.0 -> 0.1",
    ]
    assert first.data.tags[keys.TAG_OUTCOME].startswith("baseline")
    assert second.data.tags[keys.TAG_OUTCOME].startswith("kept: Better")
    assert keys.TAG_TREATED_RULE not in first.data.tags
    assert second.data.tags[keys.TAG_TREATED_RULE] == "ends-high"
    assert second.data.tags[keys.TAG_REMEDY] == "lower learning_rate"
    assert second.data.tags[keys.TAG_COMPARED] == "better"
    assert mlflow.active_run() is None


def test_the_parent_shows_the_table_and_the_picture(
    treated_with_pictures: Callable[..., Any], client: MlflowClient, tmp_path: Path
) -> None:
    treatment = treated_with_pictures(name="<b>mine</b>")
    parent = client.get_run(treatment.parent_id)
    assert parent.info.status == "FINISHED"
    description = parent.data.tags["mlflow.note.content"]
    assert "Healthy after 2 trainings, with lr 1 -&#62; 0.1" in description
    assert "attempts.svg" in description
    assert "| 1 | ends-high | lr 1 -&#62; 0.1 |" in description
    folder = Path(client.download_artifacts(treatment.parent_id, "tuneguard", str(tmp_path)))
    assert "&lt;b&gt;mine&lt;/b&gt;" in (folder / "treatment.html").read_text()
    document = json.loads((folder / "treatment.json").read_text())
    assert document["attempts"][1]["changed"] == {"lr": {"before": 1.0, "after": 0.1}}
    table = json.loads((folder / "attempts_table.json").read_text())
    became = table["columns"].index("standing")
    assert [row[became] for row in table["data"]] == ["baseline", "kept"]
    assert (folder / "attempts.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_treatment_goes_on(
    treated: Callable[..., Any], client: MlflowClient, interruption: type[BaseException]
) -> None:
    made: list[float] = []

    def interrupted(params: dict[str, Any]) -> None:
        made.append(params["lr"])
        if len(made) == 2:
            raise interruption
        train(params)

    with pytest.raises(interruption):
        treated(interrupted, params={"lr": 10.0})
    assert mlflow.active_run() is None
    treatment = treated(interrupted, params={"lr": 10.0})
    assert made == [10.0, 1.0, 1.0, 0.1]
    assert treatment.is_healthy
    place = client.get_experiment_by_name("t").experiment_id
    parents = client.search_runs([place], f"tags.`{keys.TAG_TREATMENT}` != ''")
    assert [one.info.run_id for one in parents] == [treatment.parent_id]


def test_what_was_killed_in_the_middle_is_trained_again(
    treated: Callable[..., Any], client: MlflowClient
) -> None:
    treatment = treated()
    parent = treatment.parent_id
    last = children(client, parent)[-1].info.run_id
    for run_id in (parent, last):
        client.update_run(run_id, status="RUNNING")
    client.set_tag(parent, keys.TAG_PROCESS, f"elsewhere:{os.getpid()}")
    again = treated()
    assert again.parent_id == parent
    assert client.get_run(last).info.status == "KILLED"
    assert [one.info.status for one in children(client, parent)].count("FINISHED") == 2


def test_what_was_not_recorded_into_its_run_is_trained_again(
    treated: Callable[..., Any],
) -> None:
    made: list[float] = []

    def interrupted(params: dict[str, Any]) -> RunHistory:
        made.append(params["lr"])
        if len(made) == 2:
            raise KeyboardInterrupt
        points = [(step, params["lr"] + 2.0 * 0.8**step) for step in STEPS]
        return RunHistory.from_series({"val_loss": points})

    with pytest.raises(KeyboardInterrupt):
        treated(interrupted)
    assert treated(interrupted).is_healthy
    assert made == [1.0, 0.1, 1.0, 0.1]


def test_a_function_that_recorded_nothing_can_be_mended(treated: Callable[..., Any]) -> None:
    records: list[bool] = []

    def mended(params: dict[str, Any]) -> None:
        if records:
            train(params)
        records.append(True)

    with pytest.raises(TuneGuardError, match="recorded nothing"):
        treated(mended)
    assert treated(mended).is_healthy


def test_two_processes_do_not_treat_the_same(
    treated: Callable[..., Any], client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = treated().parent_id
    client.update_run(parent, status="RUNNING")
    client.set_tag(parent, keys.TAG_PROCESS, f"here:{os.getppid()}")
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    with pytest.raises(TuneGuardError, match="at this treatment already"):
        treated()
    assert treated(fresh=True).parent_id != parent


def test_a_finished_treatment_is_not_taken_up_again(treated: Callable[..., Any]) -> None:
    assert treated().parent_id != treated().parent_id


def test_a_training_that_raises_is_reverted_and_its_run_failed(
    treated: Callable[..., Any], client: MlflowClient
) -> None:
    def failing(params: dict[str, Any]) -> None:
        if params["lr"] < 1.0:
            raise ValueError("too small")
        train(params)

    treatment = treated(failing)
    assert [one.standing for one in treatment.attempts] == ["baseline", "failed"]
    assert treatment.attempts[1].reason == "ValueError: too small"
    assert children(client, treatment.parent_id)[1].info.status == "FAILED"
    assert client.get_run(treatment.parent_id).info.status == "FINISHED"


def test_a_picture_says_which_side_has_nothing_to_draw(treated: Callable[..., Any]) -> None:
    def overflowing(params: dict[str, Any]) -> RunHistory:
        level = float("nan") if params["lr"] >= 1.0 else params["lr"]
        return RunHistory.from_series({"val_loss": [(s, level + 2.0 * 0.8**s) for s in STEPS]})

    lower = (Change("learning_rate", 0.1, "multiply"),)

    @dataclass(frozen=True)
    class Overflows(EndsHigh):
        """Finds losses that are not finite, and would lower the learning rate."""

        requires: ClassVar[tuple[Requirement, ...]] = ()

        def check(self, history: RunHistory) -> Outcome:
            losses = history.get(Role.VALIDATION_LOSS)
            assert losses is not None
            is_sound = bool(losses.is_finite.all())
            evidence = Evidence("val_loss", "last", float(is_sound), 1.0, (0, 39))
            fix = Prescription("lr", "1", "less", "Lower it.", "So.", "Time.", "It.", "", lower)
            words = ("It was.", "It matters.", (evidence,))
            if is_sound:
                return self.passed(evidence)
            return self.found(*words, confidence=0.9, prescriptions=(fix,))

    said = describe_attempts(treated(overflowing, rules=[Overflows]))
    assert said.endswith("Before: no finite value.")


def test_what_the_parameters_do_not_express_is_listed(
    treated: Callable[..., Any], client: MlflowClient, tmp_path: Path
) -> None:
    treatment = treated(lambda params: train({"lr": params["eta"]}), params={"eta": 1.0})
    said = "Not healthy, and no change was tried: nothing left to try."
    assert render_text(treatment).startswith(said)
    assert "Left to you" in render_text(treatment)
    assert "ends-high: Lower it." in render_text(treatment)
    parent = client.get_run(treatment.parent_id)
    assert "- ends-high: Lower it." in parent.data.tags["mlflow.note.content"]
    folder = Path(client.download_artifacts(treatment.parent_id, "tuneguard", str(tmp_path)))
    assert "<li>ends-high: Lower it.</li>" in (folder / "treatment.html").read_text()
    document = json.loads((folder / "treatment.json").read_text())
    assert document["left_to_you"] == ["ends-high: Lower it."]
    assert "Left to you" not in render_text(treated())


def test_a_history_or_another_run_may_be_returned(
    treated: Callable[..., Any], client: MlflowClient
) -> None:
    def told(params: dict[str, Any]) -> RunHistory:
        points = [(step, params["lr"] + 2.0 * 0.8**step) for step in STEPS]
        return RunHistory.from_series({"val_loss": points})

    assert treated(told).params == {"lr": 0.1}

    def elsewhere(params: dict[str, Any]) -> str:
        run = client.create_run("0")
        points = [Metric("val_loss", params["lr"], 0, step) for step in STEPS]
        client.log_batch(run.info.run_id, metrics=points)
        client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    assert treated(elsewhere).params == {"lr": 0.1}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"function": lambda params: None}, "recorded nothing"),
        ({"seeds": []}, "no seed"),
        ({"max_trainings": 0}, "at least one training"),
        ({"names": {"learning_rate": "eta"}}, "not among the parameters"),
    ],
)
def test_what_cannot_be_treated_is_said(
    treated: Callable[..., Any], options: dict[str, Any], says: str
) -> None:
    with pytest.raises(TuneGuardError, match=says):
        treated(**options)
    assert mlflow.active_run() is None


def test_an_open_run_is_refused(treated: Callable[..., Any]) -> None:
    with mlflow.start_run(), pytest.raises(TuneGuardError, match="A run is open already"):
        treated()


def test_the_store_in_use_stays_in_use(
    treated: Callable[..., Any], tracking_uri: str, empty_store: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.db").write_bytes(empty_store.read_bytes())
    treated(tracking_uri=f"sqlite:///{tmp_path}/other.db")
    assert mlflow.get_tracking_uri() == tracking_uri
