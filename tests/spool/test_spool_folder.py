from __future__ import annotations

from pathlib import Path

import pytest

from tuneguard.exceptions import HistoryFormatError
from tuneguard.spool.columns import Columns
from tuneguard.spool.manifest import Manifest, new_recorder_id
from tuneguard.spool.record_writer import RecordWriter
from tuneguard.spool.spool_folder import Spool, Ticket, open_spool, spool_folders, spool_root


def test_a_spool_in_use_is_left_alone(spool: Spool) -> None:
    assert Spool.take_over(spool.folder) is None
    beside = Spool.create(spool.folder.parent, spool.ticket, Manifest("other"))
    assert beside.is_recorded_beside("recorder")
    assert not beside.is_recorded_beside("other")
    assert not beside.is_recorded_beside("gone")
    spool.release()
    assert not beside.is_recorded_beside("recorder")
    beside.release()


def test_recorders_at_once_have_numbers(spool: Spool) -> None:
    def opened(run_id: str | None = "run") -> Spool:
        manifest = Manifest(new_recorder_id())
        return open_spool(spool.folder.parent, Ticket("sqlite:///x.db", run_id), manifest)

    second, third = opened(), opened()
    elsewhere, nowhere = opened("other run"), opened(None)
    second.release()
    again = opened()
    alone = [spool, elsewhere, nowhere]
    assert [one.manifest.beside for one in (second, third, again)] == [1, 2, 1]
    assert [one.manifest.beside for one in alone] == [0, 0, 0]
    for one in (third, elsewhere, nowhere, again):
        one.release()


def test_a_removed_spool_leaves_nothing(spool: Spool) -> None:
    assert list(spool_folders(spool.folder.parent)) == [spool.folder]
    spool.remove()
    assert list(spool_folders(spool.folder.parent)) == []
    assert not spool.folder.exists()


def test_a_damaged_ticket_is_said_to_be_one(spool: Spool) -> None:
    spool.release()
    (spool.folder / "run.json").write_text('{"nothing": 1}')
    with pytest.raises(HistoryFormatError, match=r"run\.json"):
        Spool.take_over(spool.folder)


def test_without_a_disk_everything_lives_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    spool = open_spool(tmp_path / "file", Ticket("uri", None), Manifest("recorder"))
    assert spool.folder is None
    assert "in memory" in caplog.text
    spool.change_manifest(steps=5)
    assert spool.manifest.steps == 5
    writer = RecordWriter(spool)
    with pytest.raises(OSError, match="no spool"):
        writer.append(Columns.from_rows([("a", 0, 0, 0.5)]))
    writer.finish()
    assert spool.held.first().part.rows == 1
    assert spool.write_down() == 0
    assert (len(spool.held), spool.held.dropped) == (0, 1)


def test_where_spools_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert spool_root(tmp_path) == tmp_path
    assert spool_root() == tmp_path / "spool"
    monkeypatch.delenv("TUNEGUARD_SPOOL")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert spool_root() == tmp_path / "tuneguard" / "spool"


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_a_user_without_a_home_has_spools(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("TUNEGUARD_SPOOL", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert spool_root() == tmp_path / "tuneguard" / "spool"
