"""Tables that were cut, appended, exported by a spreadsheet, or are far too long."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tuneguard import diagnose
from tuneguard.exceptions import HistoryFormatError
from tuneguard.files.history_file import read_history_file
from tuneguard.history import RunHistory
from tuneguard.reports.html import render_html


@pytest.fixture
def read(tmp_path: Path):
    def write_and_read(content: str | bytes, name: str = "history.csv") -> RunHistory:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_history_file(file)

    return write_and_read


def points(history: RunHistory, key: str) -> list[tuple[float, float]]:
    series = history.series[key]
    return list(zip(series.steps.tolist(), series.values.tolist(), strict=True))


class TestAppendedRuns:
    def test_a_run_resumed_under_a_header_of_its_own_goes_on(self, read) -> None:
        history = read("step,loss\n0,9\n1,8\nstep,loss\n2,7\n3,6\n")
        assert points(history, "loss") == [(0, 9), (1, 8), (2, 7), (3, 6)]
        assert history.notes == ()

    def test_rows_are_counted_anew_after_a_header(self, read) -> None:
        assert points(read("loss\n9\n8\n7\nloss\n2\n1\n"), "loss") == [(0, 2), (1, 1)]

    def test_a_step_that_goes_back_is_said_with_its_line(self, read) -> None:
        history = read("step,loss\n0,9\n1,8\n2,7\n0,2\n1,1\n")
        assert points(history, "loss") == [(0, 2), (1, 1)]
        assert "In line 5, 'step' goes back from 2 to 0" in history.notes[0]

    def test_a_row_cut_by_the_header_of_the_next_run(self, read) -> None:
        history = read("step,loss\n0,9\n1,8.step,loss\n0,2\n1,1\n")
        assert points(history, "loss") == [(0, 2), (1, 1)]
        assert "Line 3 was cut off, and another header follows in it" in history.notes[0]

    def test_another_table_takes_the_place_of_the_one_before(self, read) -> None:
        history = read("step,loss\n0,9\n1,8\nstep,loss,val_loss\n0,2,3\n1,1,2\n")
        assert set(history.series) == {"loss", "val_loss"}
        assert "In line 4 another table begins" in history.notes[0]


class TestNumbersOfOtherCountries:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('step,loss\n0,"1,234.5"\n1,0.5\n', [1234.5, 0.5]),
            ("step,loss\n0,1 234\n1,0.5\n", [1234.0, 0.5]),
            ("step,loss\n0,1'234.5\n1,0.5\n", [1234.5, 0.5]),
            ("step;loss\n0;1.234,5\n1;0,5\n", [1234.5, 0.5]),
            ("step;loss\n0;1.234\n1;0,5\n", [1234.0, 0.5]),
            ('step,loss\n0,"1,234"\n1,0.5\n', [1234.0, 0.5]),
        ],
    )
    def test_are_read_where_something_tells_what_they_mean(self, read, text, expected) -> None:
        assert read(text).series["loss"].values.tolist() == expected

    def test_a_decimal_comma_is_said(self, read) -> None:
        history = read("step;loss\n0;0,5\n1;0,25\n")
        assert history.notes == ("Numbers were read with a decimal comma: 0,5 is a half.",)

    def test_steps_may_be_grouped_too(self, read) -> None:
        assert points(read('step,loss\n"1,000",0.5\n'), "loss") == [(1000, 0.5)]


@pytest.mark.parametrize("cell", ["nan", "NaN", "-nan(ind)", "1.#QNAN", "#NUM!"])
def test_spellings_of_not_a_number(read, cell) -> None:
    assert np.isnan(read(f"step,loss\n0,1\n1,{cell}\n2,1\n").series["loss"].values[1])


@pytest.mark.parametrize("cell", ["inf", "Infinity", "+inf", "1.#INF", "∞"])
def test_spellings_of_infinity(read, cell) -> None:
    assert read(f"step,loss\n0,1\n1,{cell}\n2,1\n").series["loss"].values[1] == np.inf


@pytest.mark.parametrize("blank", ["", " ", "NA", "null", "None", "<NA>", "-"])
def test_blank_cells_are_no_points(read, blank) -> None:
    history = read(f"step,loss,val_loss\n0,2,{blank}\n1,1,3\n")
    assert points(history, "val_loss") == [(1, 3)]
    assert history.notes == ()


class TestRowsThatDoNotFit:
    def test_a_few_with_too_many_cells_are_left_out(self, read) -> None:
        rows = "".join(f"{step},1.0\n" for step in range(30))
        history = read(f"step,loss\n{rows}30,1,234.5\n31,1.0\n")
        assert len(history.series["loss"]) == 31
        assert history.notes == (
            "Line 32 has 3 cells, the header has 2: 1 such rows were left out.",
        )

    def test_trailing_cells_may_be_missing(self, read) -> None:
        history = read("step,loss,val_loss\n0,2\n1,1,3\n")
        assert points(history, "loss") == [(0, 2), (1, 1)]
        assert "the first in line 2" in history.notes[0]

    def test_two_delimiters(self, read) -> None:
        with pytest.raises(HistoryFormatError, match="cells of line 3 are separated by ';'"):
            read("step,loss\n0,1\n1;0.5\n2,1\n")

    def test_a_line_without_end(self, read) -> None:
        with pytest.raises(HistoryFormatError, match="Line 2 has more than"):
            read("step,loss\n" + "1" * (1 << 20) + "\n")


def test_gzip_is_unpacked(read) -> None:
    history = read(gzip.compress(b"step,loss\n0,2\n1,1\n", mtime=0), "history.csv.gz")
    assert points(history, "loss") == [(0, 2), (1, 1)]


def test_a_column_named_like_html_stays_text(read) -> None:
    rows = "".join(f"{step},{1 / (step + 1)}\n" for step in range(40))
    page = render_html(diagnose(read(f"step,<script>alert(1)</script>loss\n{rows}")))
    assert "<script>alert" not in page


class TestLongTables:
    @pytest.fixture
    def history(self, read, monkeypatch) -> RunHistory:
        monkeypatch.setattr("tuneguard.files.kept_points.MAX_POINTS", 128)
        rows = [f"{step},{step % 7},{step if step % 100 == 0 else ''}\n" for step in range(2000)]
        rows[1501] = "1501,nan,\n"
        return read(f"step,loss,val_loss\n{''.join(rows)}")

    def test_points_are_kept_at_a_stride(self, history) -> None:
        series = history.series["loss"].finite()
        assert 64 <= len(series) <= 128
        assert len(set(np.diff(series.steps))) == 1
        assert np.array_equal(series.values, series.steps % 7)

    def test_what_is_not_finite_is_kept(self, history) -> None:
        series = history.series["loss"]
        assert series.steps[~series.is_finite].tolist() == [1501]

    def test_a_rare_series_is_kept_whole(self, history) -> None:
        assert history.series["val_loss"].steps.tolist() == list(range(0, 2000, 100))

    def test_it_is_said(self, history) -> None:
        assert "The file has 2,000 rows: of its longest series one point in 16" in history.notes[0]
