"""Histories out of the files that trainers and people write, and clear words about others."""

from __future__ import annotations

import gzip
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.history_file import read_history_file
from tuneguard.history import Axis, Role, RunHistory


@pytest.fixture
def read(tmp_path: Path):
    def write_and_read(content: str | bytes, **options: object) -> RunHistory:
        file = tmp_path / "history.txt"
        data = content if isinstance(content, bytes) else content.encode()
        file.write_bytes(data)
        return read_history_file(file, **options)

    return write_and_read


def values(history: RunHistory, key: str) -> list[float]:
    return history.series[key].values.tolist()


def steps(history: RunHistory, key: str) -> list[float]:
    return history.series[key].steps.tolist()


class TestJson:
    def test_document_with_params_and_status(self, read) -> None:
        history = read(
            json.dumps(
                {
                    "series": {"train_loss": [[0, 2.0], [5, 1.0]]},
                    "params": {"lr": 0.1},
                    "status": "failed",
                    "planned_steps": 50,
                }
            )
        )
        assert steps(history, "train_loss") == [0.0, 5.0]
        assert history.hyperparameters.learning_rate == 0.1
        assert (history.status, history.planned_steps, history.source) == ("failed", 50, "file")

    @pytest.mark.parametrize(
        "text",
        ['{"loss": [[0, 2.0], [1, 1.0]]}', '{"loss": [2.0, 1.0], "epochs": 2}'],
        ids=["pairs", "values"],
    )
    def test_bare_mapping(self, read, text: str) -> None:
        assert values(read(text), "loss") == [2.0, 1.0]

    def test_non_finite_values_are_kept_and_nulls_skipped(self, read) -> None:
        history = read('{"loss": [1, NaN, "NaN", "Infinity", "-Infinity", null, -Infinity]}')
        assert [math.isnan(value) for value in values(history, "loss")[1:3]] == [True, True]
        assert values(history, "loss")[3:] == [math.inf, -math.inf, -math.inf]

    @pytest.mark.parametrize("shape", ["{}", '{{"series": {}}}'])
    def test_long_series_are_thinned_and_that_is_said(self, read, monkeypatch, shape) -> None:
        monkeypatch.setattr("tuneguard.files.json_history.MAX_POINTS", 10)
        numbers = [*map(float, range(55)), math.nan, *map(float, range(44))]
        history = read(shape.format(json.dumps({"loss": numbers, "val_loss": [1.0, 2.0]})))
        assert steps(history, "loss") == [*range(0, 51, 10), 55, *range(60, 100, 10)]
        assert len(history.series["val_loss"]) == 2
        assert "has 100 points: one in 10 was kept" in history.notes[0]

    def test_json_lines_with_a_last_line_cut_off(self, read) -> None:
        history = read('{"step": 0, "loss": 2}\n{"step": 1, "loss": 1}\n{"step": 2, "lo')
        assert values(history, "loss") == [2.0, 1.0]
        assert history.notes == ("Line 3, the last, was cut off, and is left out.",)

    def test_json_lines_with_a_line_that_is_none(self, read) -> None:
        with pytest.raises(HistoryFormatError, match="Line 2 is no JSON object"):
            read('{"step": 0, "loss": 2}\n{"step": 1, "lo\n{"step": 2, "loss": 1}\n')

    def test_a_long_document_is_refused_before_it_fills_the_memory(self, read, monkeypatch):
        monkeypatch.setattr("tuneguard.files.history_file.MAX_JSON_CHARACTERS", 20)
        with pytest.raises(HistoryFormatError, match="as CSV or as JSON lines"):
            read('{"loss": [2.0, 1.0, 0.5, 0.25, 0.125]}')

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{}", "names no series"),
            ("[]", "holds no rows"),
            ("[1, 2]", "holds no rows"),
            ('{"loss": [[0, 1],\n [1,', "line 2 is not: the file was cut off"),
            ('{"loss": [[0, 1], x]}', "line 1 is not: Expecting value"),
            ('{"loss": {"a": 1}}', "in place of a list"),
            ('{"loss": [[1, 2, 3]]}', "A point of 'loss'"),
            ('{"loss": ["abc"]}', "must be pairs"),
            ('{"series": [1]}', "names no series"),
            ('{"series": {"loss": [1]}, "status": "odd"}', "'status' is 'odd'"),
            ('{"series": {"loss": [1]}, "planned_steps": "x"}', "planned_steps"),
            ('{"series": {"loss": [1]}, "params": [1]}', "params"),
            ("[" * 100_000, "nested too deeply"),
        ],
    )
    def test_what_cannot_be_read_is_said(self, read, text: str, message: str) -> None:
        with pytest.raises(HistoryFormatError, match=message):
            read(text)


class TestCsv:
    def test_steps_come_before_epochs_and_blanks_are_skipped(self, read) -> None:
        history = read("epoch,global_step,train_loss,val_loss\n0,0,2,\n0,10,1,\n0,19,,1.5\n")
        assert steps(history, "train_loss") == [0.0, 10.0]
        assert steps(history, "val_loss") == [19.0]
        assert set(history.series) == {"train_loss", "val_loss"}

    def test_epochs_where_there_are_no_steps(self, read) -> None:
        history = read("epoch,loss,val_loss\n0,2,3\n1,1,2\n")
        assert {series.axis for series in history.series.values()} == {Axis.EPOCH}

    def test_rows_are_counted_where_nothing_else_counts(self, read) -> None:
        assert steps(read("loss\n3\n2\n1\n"), "loss") == [0.0, 1.0, 2.0]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_delimiters(self, read, delimiter: str) -> None:
        text = "step,loss\n0,2.5\n1,1.5\n".replace(",", delimiter)
        assert values(read(text), "loss") == [2.5, 1.5]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_encodings_of_spreadsheets(self, read, encoding: str) -> None:
        assert values(read("step,Verlust-loss\r\n0,2\r\n".encode(encoding)), "Verlust-loss") == [2]

    def test_padded_names_of_ultralytics(self, read) -> None:
        history = read("     epoch,   train/loss,  val/loss\n   1,  2.0,  2.5\n   2, 1.0, 1.5\n")
        assert history.roles[Role.VALIDATION_LOSS] == "val/loss"

    def test_non_finite_values_are_kept(self, read) -> None:
        history = read("step,loss\n0,1\n1,nan\n2,inf\n3,-inf\n")
        assert history.series["loss"].is_finite.tolist() == [True, False, False, False]

    def test_text_columns_are_ignored_and_said(self, read) -> None:
        history = read("step,time,loss\n0,0:01:20,2\n1,0:02:40,1\n")
        assert set(history.series) == {"loss"}
        assert history.notes == ("Columns without numbers were ignored: time.",)

    def test_odd_cells_among_numbers_are_skipped_and_said(self, read) -> None:
        history = read("step,loss\n0,2\n1,#REF!\nx,5\n3,N/A\n4,1\n")
        assert values(history, "loss") == [2.0, 1.0]
        assert any("'#REF!' (line 3)" in note for note in history.notes)
        assert any("1 rows were ignored" in note for note in history.notes)

    def test_two_runs_in_one_file_are_the_second(self, read) -> None:
        history = read("epoch,loss\n0,9\n1,8\n2,7\nepoch,loss\n0,2\n1,1\n")
        assert values(history, "loss") == [2.0, 1.0]
        assert "The header comes again in line 5: two runs were appended" in history.notes[0]

    def test_a_last_line_cut_off_is_left_out_and_said(self, read) -> None:
        history = read("step,loss,val_loss\n0,2,3\n1,1,2\n2,0.")
        assert values(history, "loss") == [2.0, 1.0]
        assert any("Line 4, the last, has 2 of 3 cells" in note for note in history.notes)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('step,loss\n0,"1,234"\n', "Line 2, column 'loss': '1,234' may be 1234 or 1.234"),
            ("step,loss\n0,1,234.5\n", "Line 2 has 3 cells, the header has 2"),
            ("step;loss\n0;0,5\n1;0.5\n", "Some numbers have a decimal point, as '0.5'"),
            ("0,1\n1,2\n", "no names"),
            ("step,loss\n", "no row under it"),
            ("step,loss,loss\n0,1,2\n", "Several columns are called 'loss'"),
            ("name,kind\na,b\n", "No column holds numbers"),
            ("Dear Sir or Madam,\nno table is here.\nYours\n", "No column holds numbers"),
        ],
    )
    def test_what_cannot_be_read_is_said(self, read, text: str, message: str) -> None:
        with pytest.raises(HistoryFormatError, match=message):
            read(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n \n", "is empty"),
        (gzip.compress(b"step,loss\n0,1\n" * 99, mtime=0)[:-9], "archive is damaged"),
        (b"PAR1abc", "a Parquet file"),
        (b"step\0loss", "a binary file"),
        (b"step,loss\n0,\xff\xfe\n", "is not UTF-8 text"),
    ],
)
def test_files_that_are_no_text(read, content: bytes, message: str) -> None:
    with pytest.raises(HistoryFormatError, match=message):
        read(content)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(HistoryFormatError, match="No such file"):
        read_history_file(tmp_path / "missing.csv")
    with pytest.raises(HistoryFormatError, match="holds no history of a training"):
        read_history_file(tmp_path)


def test_the_user_names_the_roles(read) -> None:
    history = read("step,mine\n0,1\n", roles={"train_loss": "mine"})
    assert history.roles == {Role.TRAIN_LOSS: "mine"}


def test_a_file_is_read_without_mlflow() -> None:
    check = (
        "import sys, tuneguard.files.history_file; "
        "sys.exit(bool({'mlflow', 'torch', 'tensorboard', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
