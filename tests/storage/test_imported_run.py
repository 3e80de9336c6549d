"""Files imported as runs: once for each content, whole or marked as killed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tuneguard import diagnose, keys, load_run
from tuneguard.exceptions import ExperimentNotFoundError, StoreUnreachableError
from tuneguard.files.history_file import read_history_file
from tuneguard.files.sources import find_source
from tuneguard.storage import imported_run
from tuneguard.storage.imported_run import ImportedRun, ReadHistory, import_history

EXPERIMENT = "imports"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "version_0"
    folder.mkdir()
    rows = ["step,train_loss,val_loss"]
    for step in range(1500):
        validation = 1.0 + abs(step - 300) / 300 if step % 10 == 0 else ""
        rows.append(f"{step},{2.0 * math.exp(-step / 200)},{validation}")
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    (folder / "hparams.yaml").write_text("lr: 0.1\n")
    return folder


@pytest.fixture
def bring(tracking_uri):
    def bring_in(path: Path, experiment: str = EXPERIMENT, **options: object) -> ImportedRun:
        read = ReadHistory(read_history_file(path), path, find_source(path).all_files, {})
        return import_history(read, experiment, tracking_uri=tracking_uri, **options)

    return bring_in


def runs(client: MlflowClient) -> list:
    return client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])


def test_the_run_holds_what_the_file_holds(bring, client, file, tracking_uri) -> None:
    imported = bring(file)
    run = client.get_run(imported.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "version_0")
    assert run.data.params == {"lr": "0.1"}
    assert run.data.tags[keys.TAG_SOURCE] == str(file)
    read, loaded = read_history_file(file), load_run(imported.run_id, tracking_uri)
    for key, series in read.series.items():
        assert loaded.series[key].steps.tolist() == series.steps.tolist()
        assert loaded.series[key].values.tolist() == series.values.tolist()


def test_its_diagnosis_is_that_of_the_file(bring, file, tracking_uri) -> None:
    run_id = bring(file).run_id
    found = [diagnose(one) for one in (read_history_file(file), load_run(run_id, tracking_uri))]
    assert [one.rule for one in found[0].findings] == [one.rule for one in found[1].findings]
    assert found[0].findings


def test_the_history_knows_its_run(bring, file, tracking_uri) -> None:
    imported = bring(file)
    assert imported.history.identity == load_run(imported.run_id, tracking_uri).identity


def test_the_files_are_kept_with_the_run(bring, client, file) -> None:
    run_id = bring(file).run_id
    kept = {one.path for one in client.list_artifacts(run_id, keys.SOURCE_ARTIFACTS)}
    assert kept == {f"{keys.SOURCE_ARTIFACTS}/{name}" for name in ("metrics.csv", "hparams.yaml")}


def test_a_long_file_is_not_kept(bring, client, file, monkeypatch) -> None:
    monkeypatch.setattr(imported_run, "MAX_ARTIFACT_BYTES", 100)
    imported = bring(file)
    assert imported.left_out == ("metrics.csv",)
    assert len(client.list_artifacts(imported.run_id, keys.SOURCE_ARTIFACTS)) == 1


def test_the_same_content_is_imported_once(bring, client, file, tmp_path) -> None:
    first = bring(file)
    second = bring(file.rename(tmp_path / "elsewhere"))
    assert (first.was_there, second.was_there) == (False, True)
    assert first.run_id == second.run_id
    assert len(runs(client)) == 1


def test_another_content_is_another_run(bring, client, file) -> None:
    bring(file)
    with (file / "metrics.csv").open("a") as table:
        table.write("1500,0.001,\n")
    bring(file)
    assert len(runs(client)) == 2


class TestInterrupted:
    @pytest.fixture
    def half(self, bring, client, file):
        def stop(written: int, total: int) -> None:
            assert 0 < written < total
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            bring(file, on_points=stop)
        return runs(client)[0]

    def test_the_run_is_not_marked_finished(self, half) -> None:
        assert half.info.status == "KILLED"
        assert half.data.tags[keys.TAG_IMPORTED].endswith("-partial")

    def test_the_next_import_completes_it(self, half, bring, client, file) -> None:
        assert bring(file).run_id == half.info.run_id
        run = client.get_run(half.info.run_id)
        assert run.info.status == "FINISHED"
        assert not run.data.tags[keys.TAG_IMPORTED].endswith("-partial")
        assert len(client.get_metric_history(half.info.run_id, "train_loss")) == 1500


def test_an_artifact_store_that_refuses(bring, client, file, monkeypatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(MlflowClient, "log_artifact", refuse)
    with pytest.raises(StoreUnreachableError, match="could not be copied there"):
        bring(file)
    assert runs(client)[0].info.status == "KILLED"


def test_long_series_are_thinned_and_keep_what_is_not_finite(
    bring, client, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(imported_run, "MAX_POINTS", 10)
    table = tmp_path / "long.csv"
    cells = ["nan" if step == 55 else "1.0" for step in range(100)]
    table.write_text("loss\n" + "\n".join(cells) + "\n")
    points = client.get_metric_history(bring(table).run_id, "loss")
    assert sorted(point.step for point in points) == sorted([*range(0, 100, 10), 55, 99])


def test_a_deleted_experiment_is_said(bring, client, file) -> None:
    client.delete_experiment(client.create_experiment(EXPERIMENT))
    with pytest.raises(ExperimentNotFoundError, match="is deleted"):
        bring(file)


def test_a_status_of_the_file_becomes_that_of_the_run(bring, client, tmp_path) -> None:
    file = tmp_path / "history.json"
    file.write_text('{"series": {"loss": [1, 2]}, "status": "failed", "planned_steps": 9}')
    run = client.get_run(bring(file).run_id)
    assert run.info.status == "FAILED"
    assert run.data.params == {"tuneguard/planned_steps": "9"}


def test_a_database_that_is_not_there_is_created(file, tmp_path) -> None:
    uri = f"sqlite:///{tmp_path / 'new.db'}"
    read = ReadHistory(read_history_file(file), file, find_source(file).all_files, {})
    run_id = import_history(read, EXPERIMENT, tracking_uri=uri).run_id
    assert MlflowClient(uri).get_run(run_id).info.status == "FINISHED"
