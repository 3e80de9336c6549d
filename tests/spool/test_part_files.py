from __future__ import annotations

from pathlib import Path

from tuneguard.spool.columns import Columns
from tuneguard.spool.part_files import merge_parts, write_part


def test_merged_parts_hold_the_same_values(tmp_path: Path) -> None:
    sources = [tmp_path / f"part-0000{number}.parquet" for number in (1, 2)]
    for number, source in enumerate(sources):
        write_part(Columns.from_rows([("a", number, 5, 0.5), (f"b{number}", 0, 5, 1.5)]), source)
    merged = merge_parts(sources, tmp_path / "part-00003.parquet")
    assert merged.rows == 4
