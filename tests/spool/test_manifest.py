from __future__ import annotations

import pytest

from tuneguard.exceptions import HistoryFormatError
from tuneguard.spool.manifest import Manifest, new_recorder_id


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "parts": [{"name": "../x"}]}']
)
def test_a_manifest_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(HistoryFormatError, match=r"record|later version"):
        Manifest.from_json(text)


def test_the_place_among_the_ranks_comes_back() -> None:
    given = Manifest("b", rank=3, world_size=4, is_sharded=True, leader="a")
    assert Manifest.from_json(given.to_json()) == given


def test_recorder_ids_sort_by_time() -> None:
    assert new_recorder_id() < new_recorder_id().replace("Z", "~")
    assert Manifest.from_json(Manifest("x", steps=3).to_json()) == Manifest("x", steps=3)
