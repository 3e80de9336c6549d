from __future__ import annotations

from pathlib import Path

import pytest

from tuneguard.storage import scratch_file as places
from tuneguard.storage.scratch_file import scratch_file


def test_a_file_is_lent_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scratch_file("a.txt", b"1", tmp_path) as lent:
        assert (lent.name, lent.read_bytes()) == ("a.txt", b"1")
        assert lent.is_relative_to(tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_file("a.txt", b"2", tmp_path / "nowhere") as lent:
        assert lent.is_relative_to(tmp_path)


def test_without_any_disk_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setattr(places, "_IN_MEMORY", tmp_path / "nowhere")
    with pytest.raises(OSError, match="no disk"), scratch_file("a.txt", b"1", None):
        pass
