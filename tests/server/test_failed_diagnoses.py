"""Failures are kept for the pages, and tried again at longer and longer intervals."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuneguard.server import failed_diagnoses
from tuneguard.server.failed_diagnoses import FailedDiagnoses


@pytest.fixture
def failed(tmp_path: Path) -> FailedDiagnoses:
    return FailedDiagnoses(tmp_path / "failed")


def test_a_reason_is_news_once(failed: FailedDiagnoses) -> None:
    assert failed.note("a", "no right")
    assert not failed.note("a", "no right")
    assert failed.note("a", "no disk")


def test_the_pause_grows_up_to_a_day(failed: FailedDiagnoses) -> None:
    pauses = []
    for _ in range(8):
        failed.note("a", "no right")
        one = failed.of("a")
        assert one is not None
        pauses.append(one.retry_at - one.at)

    assert pauses[:3] == [300, 1200, 4800]
    assert pauses[-1] == 86_400


def test_a_success_clears_it(failed: FailedDiagnoses) -> None:
    failed.note("a", "no right")
    failed.clear("a")
    failed.clear("a")

    assert failed.of("a") is None


def test_a_reason_is_kept_fit_to_be_shown(failed: FailedDiagnoses) -> None:
    failed.note("a", "\x1b[31mred\n" + "x" * 10_000)

    one = failed.of("a")
    assert one is not None
    assert one.reason.startswith("[31mred x")
    assert len(one.reason) == 500


def test_only_the_latest_are_kept(
    failed: FailedDiagnoses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed_diagnoses, "MAX_NOTES", 2)
    for run_id in ("a", "b", "c"):
        failed.note(run_id, "no right")

    assert [failed.of(run_id) is None for run_id in ("a", "b", "c")] == [True, False, False]


@pytest.mark.parametrize("content", ["", "[]", '{"reason": 1}', '{"odd": 1}'])
def test_a_damaged_note_is_none(failed: FailedDiagnoses, tmp_path: Path, content: str) -> None:
    (tmp_path / "failed" / "a").write_text(content)

    assert failed.of("a") is None
    assert failed.of("../failed/a") is None
