"""Files and folders as Lightning, Keras, Ultralytics and the Hugging Face Trainer lay them out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.history_file import read_history_file
from tuneguard.history import Axis, Role

LIGHTNING = """epoch,lr-Adam,step,train_loss_epoch,train_loss_step,val_loss
,0.001,49,,,
0,,49,,0.9,
0,,99,,0.8,
0,,99,,,0.85
0,,99,0.86,,
1,,149,,0.7,
1,,199,,,0.75
1,,199,0.7,,
"""
ULTRALYTICS = """         epoch,  train/box_loss,    val/box_loss,        lr/pg0
             1,           1.203,          1.1423,      0.003322
             2,           1.101,          1.0523,      0.006611
"""
STATE = {
    "epoch": 1.0,
    "global_step": 100,
    "max_steps": 100,
    "num_train_epochs": 1,
    "train_batch_size": 8,
    "log_history": [
        {"epoch": 0.1, "step": 10, "loss": 2.0, "learning_rate": 5e-5, "grad_norm": 1.0},
        {"epoch": 0.2, "step": 20, "loss": 1.5, "learning_rate": 4e-5, "grad_norm": 0.9},
        {"epoch": 0.2, "step": 20, "eval_loss": 1.6, "eval_runtime": 0.1},
        {"epoch": 1.0, "step": 100, "train_loss": 1.1, "train_runtime": 3.0, "total_flos": 1.0},
    ],
}


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


class TestLightning:
    @pytest.fixture
    def version(self, tmp_path: Path) -> Path:
        folder = tmp_path / "lightning_logs" / "version_0"
        write(folder / "metrics.csv", LIGHTNING)
        write(folder / "hparams.yaml", "lr: 0.001\nmodel:\n  dropout: 0.1\n")
        return folder

    @pytest.mark.parametrize("place", [".", "metrics.csv", ".."])
    def test_series_and_settings(self, version: Path, place: str) -> None:
        history = read_history_file(version / place)
        assert history.series["train_loss_step"].steps.tolist() == [49, 99, 149]
        assert history.roles[Role.VALIDATION_LOSS] == "val_loss"
        assert history.roles[Role.LEARNING_RATE] == "lr-Adam"
        assert history.params == {"lr": "0.001", "model/dropout": "0.1"}
        assert history.notes == ()

    def test_several_versions_are_named(self, version: Path) -> None:
        write(version.parent / "version_1" / "metrics.csv", LIGHTNING)
        with pytest.raises(HistoryFormatError, match="holds 2 runs: version_0, version_1"):
            read_history_file(version.parent)

    def test_objects_of_python_are_not_built(self, version: Path) -> None:
        write(version / "hparams.yaml", "a: !!python/object/apply:os.getcwd []\n")
        history = read_history_file(version)
        assert history.params == {}
        assert "settings in hparams.yaml could not be read" in history.notes[0]


def test_keras(tmp_path: Path) -> None:
    text = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,2.0,0.5,2.1\n1,0.6,1.0,0.6,1.1\n"
    history = read_history_file(write(tmp_path / "training.log", text))
    assert {series.axis for series in history.series.values()} == {Axis.EPOCH}
    assert (history.roles[Role.TRAIN_LOSS], history.roles[Role.VALIDATION_LOSS]) == (
        "loss",
        "val_loss",
    )


def test_ultralytics(tmp_path: Path) -> None:
    write(tmp_path / "train" / "results.csv", ULTRALYTICS)
    write(tmp_path / "train" / "args.yaml", "epochs: 100\nlr0: 0.01\nbatch: 16\nresume: null\n")
    history = read_history_file(tmp_path / "train")
    assert history.roles[Role.LEARNING_RATE] == "lr/pg0"
    assert history.hyperparameters.learning_rate == 0.01
    assert (history.hyperparameters.epochs, history.hyperparameters.batch_size) == (100, 16)


class TestHuggingFace:
    def test_state_of_a_finished_training(self, tmp_path: Path) -> None:
        history = read_history_file(write(tmp_path / "trainer_state.json", json.dumps(STATE)))
        assert history.roles[Role.TRAIN_LOSS] == "loss"
        assert history.series["eval_loss"].steps.tolist() == [20]
        assert (history.planned_steps, history.status) == (100, "finished")
        assert history.hyperparameters.epochs == 1

    def test_the_summary_is_no_series(self, tmp_path: Path) -> None:
        history = read_history_file(write(tmp_path / "trainer_state.json", json.dumps(STATE)))
        assert not {"train_loss", "train_runtime", "total_flos"} & set(history.series)

    def test_the_latest_checkpoint_of_a_folder(self, tmp_path: Path) -> None:
        for steps in (20, 100, 9):
            cut = {**STATE, "max_steps": 1000 + steps}
            write(tmp_path / f"checkpoint-{steps}" / "trainer_state.json", json.dumps(cut))
        write(tmp_path / "config.json", "{}")
        assert read_history_file(tmp_path).planned_steps == 1100

    def test_a_checkpoint_says_nothing_of_the_end(self, tmp_path: Path) -> None:
        cut = {**STATE, "log_history": STATE["log_history"][:-1]}
        history = read_history_file(write(tmp_path / "trainer_state.json", json.dumps(cut)))
        assert history.status is None

    def test_nothing_logged_yet(self, tmp_path: Path) -> None:
        empty = write(tmp_path / "trainer_state.json", json.dumps({"log_history": []}))
        with pytest.raises(HistoryFormatError, match="Set logging_steps lower"):
            read_history_file(empty)


def test_a_folder_with_one_table(tmp_path: Path) -> None:
    write(tmp_path / "history.csv", "step,loss\n0,2\n1,1\n")
    write(tmp_path / "notes.txt", "nothing")
    assert set(read_history_file(tmp_path).series) == {"loss"}


def test_a_folder_with_several_tables(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        write(tmp_path / name, "step,loss\n0,2\n1,1\n")
    with pytest.raises(HistoryFormatError, match=r"holds 2 runs: a\.csv, b\.csv"):
        read_history_file(tmp_path)
