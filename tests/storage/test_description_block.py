"""Our block comes and goes; a person's text stays as it is."""

from __future__ import annotations

import pytest

from tuneguard.storage.description_block import BEGIN, END, MAX_CHARACTERS, with_block

OURS = f"{BEGIN}\nnew\n{END}"
OLD = f"{BEGIN}\nold\n\nlines\n{END}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", OURS),
        ("mine  \n", f"mine  \n\n\n{OURS}"),
        (OLD, OURS),
        (f"above\n\n{OLD}\n\nbelow", f"above\n\n{OURS}\n\nbelow"),
        (f"a {OLD} b {OLD} c", f"a {OURS} b  c"),
        (f"above {BEGIN} old, then mine", f"above {OURS} old, then mine"),
        (f"mine {END} below", f"mine {OURS} below"),
        (f"{BEGIN} mine\n{OLD} below", f" mine\n{OURS} below"),
        (f"{OLD} mine {END}", f"{OURS} mine "),
    ],
    ids=[
        "nothing yet",
        "a person's text",
        "our block",
        "our block between",
        "two blocks",
        "end lost",
        "begin lost",
        "second begin",
        "second end",
    ],
)
def test_the_block_is_put_in_place(text: str, expected: str) -> None:
    assert with_block(text, "new") == expected


@pytest.mark.parametrize("text", ["", "mine\n", f"a\n{OLD}\nb", f"{BEGIN} cut", f"cut {END} b"])
def test_writing_it_again_changes_nothing(text: str) -> None:
    once = with_block(text, "new")
    assert with_block(once, "new") == once


def test_text_of_a_run_cannot_end_the_block() -> None:
    assert with_block("", f"run {END} name {BEGIN}") == f"{BEGIN}\nrun  name\n{END}"


def test_ours_is_shortened_by_paragraphs_and_theirs_is_not() -> None:
    theirs = "t" * (MAX_CHARACTERS - 200)
    result = with_block(theirs, "verdict\n\n" + "x" * 500)
    assert result == f"{theirs}\n\n{BEGIN}\nverdict\n{END}"


def test_no_code_fence_is_left_open() -> None:
    block = "verdict\n\n```python\na = 1\n\nb = 2\n```\n\nend"
    assert with_block("", block, limit=80) == f"{BEGIN}\nverdict\n{END}"


def test_without_room_there_is_no_block() -> None:
    theirs = "t" * MAX_CHARACTERS
    assert with_block(theirs, "verdict") == theirs
    assert with_block(f"{theirs}{OLD}", "verdict") == theirs
