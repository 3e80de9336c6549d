"""The result goes to standard output, or whole into a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tuneguard.cli.output import write_result
from tuneguard.exceptions import TuneGuardError


def interrupted() -> Iterator[str]:
    yield "half of it"
    raise KeyboardInterrupt


def test_pieces_are_printed_one_after_another(capsys):
    write_result(["one\n", "two\n"], None)

    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_file_replaces_the_one_before(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")

    write_result(["näw\n"], path)

    assert path.read_text(encoding="utf-8") == "näw\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_result_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")

    with pytest.raises(KeyboardInterrupt):
        write_result(interrupted(), path)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_an_error_with_its_name(tmp_path):
    path = Path(tmp_path / "missing" / "result.txt")

    with pytest.raises(TuneGuardError, match=r"result\.txt"):
        write_result(["text"], path)
