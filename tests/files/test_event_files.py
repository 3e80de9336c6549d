"""Event files as writers of TensorBoard leave them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

from tuneguard.exceptions import HistoryFormatError, MissingExtraError
from tuneguard.files.history_file import read_history_file
from tuneguard.history import Role

LOSSES = [2.0, 1.0, 0.5, 0.25]


def simple(tag: str, step: int, value: float) -> Event:
    """A scalar as torch's SummaryWriter writes it."""
    return Event(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))


def tensor(tag: str, step: int, value: float, plugin: str = "scalars") -> Event:
    """A scalar as tf.summary.scalar writes it, which names the plugin at the first point only."""
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    one = Summary.Value(tag=tag, tensor=make_tensor_proto(value), metadata=metadata)
    if step > 0:
        one.ClearField("metadata")
    return Event(step=step, summary=Summary(value=[one]))


def write(folder: Path, events: list[Event], suffix: str = "") -> Path:
    writer = EventFileWriter(str(folder), filename_suffix=suffix)
    for event in events:
        writer.add_event(event)
    writer.close()
    return next(file for file in sorted(folder.iterdir()) if file.name.endswith(suffix))


def losses(tag: str, kind=simple, start: int = 0) -> list[Event]:
    return [kind(tag, start + step, value) for step, value in enumerate(LOSSES)]


def values(history) -> Mapping[str, list[float]]:
    return {key: series.values.tolist() for key, series in history.series.items()}


@pytest.mark.parametrize("kind", [simple, tensor])
def test_scalars_of_either_writer(tmp_path: Path, kind) -> None:
    write(tmp_path, losses("Loss/train", kind))
    history = read_history_file(tmp_path)
    assert values(history) == {"Loss/train": LOSSES}
    assert history.roles == {Role.TRAIN_LOSS: "Loss/train"}


def test_a_single_file(tmp_path: Path) -> None:
    assert values(read_history_file(write(tmp_path, losses("loss")))) == {"loss": LOSSES}


def test_train_and_validation_are_two_writers_of_one_run(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        write(tmp_path / split, losses("epoch_loss", tensor))
    history = read_history_file(tmp_path)
    assert history.roles == {
        Role.TRAIN_LOSS: "train/epoch_loss",
        Role.VALIDATION_LOSS: "validation/epoch_loss",
    }


def test_writers_under_a_run_with_files_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, losses("lr"))
    write(tmp_path / "loss_val", losses("loss"))
    assert set(values(read_history_file(tmp_path))) == {"lr", "loss_val/loss"}


def test_several_runs_are_named(tmp_path: Path) -> None:
    for run in ("Nov22_a", "Nov22_b"):
        write(tmp_path / run / "train", losses("loss"))
    with pytest.raises(HistoryFormatError, match="holds 2 runs: Nov22_a, Nov22_b"):
        read_history_file(tmp_path)


def test_what_a_restart_writes_again_replaces_what_was_there(tmp_path: Path) -> None:
    write(tmp_path, losses("loss"), ".1")
    restart = Event(step=2, session_log=SessionLog(status=SessionLog.START))
    write(tmp_path, [restart, simple("loss", 5, 0.125)], ".2")
    series = read_history_file(tmp_path).series["loss"]
    assert series.steps.tolist() == [0, 1, 5]
    assert series.values.tolist() == [2.0, 1.0, 0.125]


def test_hyperparameters(tmp_path: Path) -> None:
    write(tmp_path, losses("loss"))
    summary = Summary.FromString(hparams_pb({"lr": 0.1, "optimizer": "SGD"}).SerializeToString())
    result = simple("hparam/loss", 0, 1.0)
    write(tmp_path / "1795376590.25", [Event(summary=summary), result])
    history = read_history_file(tmp_path)
    assert (history.hyperparameters.learning_rate, history.hyperparameters.optimizer) == (
        0.1,
        "SGD",
    )
    assert set(history.series) == {"loss"}


def test_a_file_that_was_cut_is_read_up_to_there(tmp_path: Path) -> None:
    file = write(tmp_path, losses("loss"))
    file.write_bytes(file.read_bytes()[:-5])
    history = read_history_file(tmp_path)
    assert values(history) == {"loss": LOSSES[:-1]}
    assert "is damaged or was cut off" in history.notes[0]


@pytest.mark.parametrize("content", [b"", b"no events at all, just text"])
def test_files_without_events(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "events.out.tfevents.1").write_bytes(content)
    with pytest.raises(HistoryFormatError, match="hold no scalars"):
        read_history_file(tmp_path)


def test_histograms_are_no_scalars(tmp_path: Path) -> None:
    write(tmp_path, [*losses("loss"), tensor("weights", 0, 1.0, plugin="histograms")])
    assert set(read_history_file(tmp_path).series) == {"loss"}


def test_without_the_reader_the_command_that_installs_it_is_said(tmp_path, monkeypatch) -> None:
    write(tmp_path, losses("loss"))
    name = "tensorboard.backend.event_processing.event_file_loader"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r'pip install "tuneguard\[tensorboard\]"'):
        read_history_file(tmp_path)
