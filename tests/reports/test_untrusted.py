from __future__ import annotations

import unicodedata

import pytest

from tuneguard.reports.untrusted import (
    MAX_LENGTH,
    cleaned,
    clipped,
    code_block,
    code_safe,
    code_span,
    markdown_safe,
    terminal_safe,
    without_comment_markers,
)

markdown_it = pytest.importorskip("markdown_it")


def inline_tokens(markdown: str):
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return [token for block in parser.parse(markdown) for token in block.children or ()]


def is_harmless(text: str) -> bool:
    return not any(unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for one in text)


def test_terminal_text_is_one_line_of_visible_characters(hostile):
    safe = terminal_safe(hostile)
    assert is_harmless(safe)
    assert len(safe) <= MAX_LENGTH
    assert safe.encode("utf-8").decode("utf-8") == safe


def test_terminal_text_keeps_what_is_visible():
    assert terminal_safe("train/loss 损失 é 🤗") == "train/loss 损失 é 🤗"


def test_code_keeps_its_lines(hostile):
    lines = code_safe(f"first\n\tsecond = {hostile!r}\nthird").split("\n")
    assert len(lines) == 3
    assert lines[1].startswith("    second")
    assert all(is_harmless(line) for line in lines)


def test_cleaning_a_diagnosis_reaches_every_text(samples):
    diagnosis = cleaned(samples.with_text("\x1b[31m\u202ename\nnext"))
    assert diagnosis == cleaned(diagnosis)
    assert "\\x1b" not in repr(diagnosis).replace("\\\\x1b", "")
    assert "\\u202e" not in repr(diagnosis).replace("\\\\u202e", "")
    assert diagnosis.findings[0].symptoms[0].summary == "[31mname next"
    assert diagnosis.findings[0].picture.lines[0].metric == "[31mname next"
    assert diagnosis.layers[0].extremes[0].layer == "[31mname next"


def test_cleaning_leaves_numbers_alone(samples):
    original = samples.healthy()
    assert cleaned(original) == original


def test_markdown_shows_the_text_and_nothing_else(hostile):
    tokens = inline_tokens(f"before {markdown_safe(hostile)}")
    assert {token.type for token in tokens} <= {"text", "text_special"}
    shown = "".join(token.content for token in tokens)
    assert shown == f"before {terminal_safe(hostile)}".rstrip()


@pytest.mark.parametrize("start", ["# x", "- x", "+ x", "1. x", "2) x", "> x", "=====", "* x"])
def test_markdown_text_starts_no_block(start):
    parsed = markdown_it.MarkdownIt("commonmark").parse(markdown_safe(start))
    assert [block.type for block in parsed] == ["paragraph_open", "inline", "paragraph_close"]


def test_markdown_links_no_address_by_itself():
    safe = markdown_safe("http://evil.example www.evil.example @someone")
    assert "://" not in safe
    assert "www." not in safe
    assert "@" not in safe


def test_code_span_holds_the_whole_text(hostile):
    tokens = inline_tokens(f"before {code_span(hostile)} after")
    assert [token.type for token in tokens] == ["text", "code_inline", "text"]
    expected = without_comment_markers(terminal_safe(hostile)).strip() or "(empty)"
    assert tokens[1].content == expected


def test_code_block_holds_the_whole_code(hostile):
    code = f"name = {hostile!r}\n```\nprint(name)"
    tokens = markdown_it.MarkdownIt("commonmark").parse(code_block(code, "python"))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content.splitlines() == [
        without_comment_markers(line) for line in code_safe(code).splitlines()
    ]


def test_clipped_text_says_that_it_was_cut():
    assert clipped("x" * 50, 10) == "xxxxxxx..."
    assert clipped("x" * 10, 10) == "x" * 10
