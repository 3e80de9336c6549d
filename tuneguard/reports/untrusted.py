"""Texts that came from a run, made harmless where they are shown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, TypeVar

MAX_LENGTH: Final = 2000

_MULTILINE_FIELDS: Final = frozenset({"snippet"})
_REMOVED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs"})
_NOT_IN_XML: Final = frozenset("\ufffe\uffff")
_BREAKS: Final = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
_MARKDOWN_SYNTAX = re.compile(r"[\\`*_\[\]~]")
_MARKDOWN_ENTITIES: Final = {ord(character): f"&#{ord(character)};" for character in "&<>$@|"}
_BLOCK_START = re.compile(r"^(\s*(?:\d+(?=[.)]\s))?)([-+#=.)])")
_AUTOLINK = re.compile(r"(?i)(?<=http|ttps|/ftp|.ftp):(?=//)|(?<=www)\.")
_BACKTICKS = re.compile(r"`+")

T = TypeVar("T")


def terminal_safe(text: str) -> str:
    r"""Return `text` on one line, without control, bidirectional and invisible characters.

    >>> terminal_safe("red\x1b[31m\nname")
    'red[31m name'
    """
    kept = text[:MAX_LENGTH]
    return kept if kept.isprintable() else "".join(map(_visible, kept))


def code_safe(code: str) -> str:
    """Return `code` with its lines kept, and every line safe for a terminal."""
    return "\n".join(terminal_safe(line.replace("\t", "    ")) for line in code.split("\n"))


def cleaned(value: T) -> T:
    """Return `value`, a diagnosis or a part of one, with every text in it safe for a terminal.

    A report calls this once, at its door, so that no single place can forget it.
    """
    result: Any = value
    if isinstance(value, str):
        result = terminal_safe(value)
    elif isinstance(value, tuple):
        result = tuple(cleaned(one) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        result = replace(
            value, **{one.name: _cleaned_field(value, one.name) for one in fields(value)}
        )
    return result  # type: ignore[no-any-return]  # each branch keeps the type of `value`


def clipped(text: str, length: int) -> str:
    """Return `text`, cut to `length` characters with an ellipsis where it is longer.

    >>> clipped("a very long name", 10)
    'a very ...'
    """
    return text if len(text) <= length else f"{text[: length - 3]}..."


def clipped_in_the_middle(text: str, length: int) -> str:
    """Return `text`, cut to `length` characters in its middle: the ends of keys tell them apart.

    >>> clipped_in_the_middle("gradient_norm/layer.0.weight", 17)
    'gradien....weight'
    """
    tail = (length - 3) // 2
    return text if len(text) <= length else f"{text[: length - 3 - tail]}...{text[-tail:]}"


def clipped_in_front(text: str, length: int) -> str:
    """Return the last `length` characters of `text`, with an ellipsis where there are more.

    >>> clipped_in_front("decoder.layers.11.fc1", 12)
    '...rs.11.fc1'
    """
    return text if len(text) <= length else f"...{text[3 - length :]}"


def markdown_safe(text: str) -> str:
    r"""Return `text` such that Markdown shows it as it is: no markup, links, math or HTML.

    >>> print(markdown_safe("val_loss of *x* <b>"))
    val\_loss of \*x\* &#60;b&#62;
    """
    shown = terminal_safe(text).translate(_MARKDOWN_ENTITIES)
    shown = _MARKDOWN_SYNTAX.sub(r"\\\g<0>", shown)
    shown = _AUTOLINK.sub(lambda match: f"&#{ord(match[0])};", shown)
    return _BLOCK_START.sub(r"\1\\\2", shown)


def code_span(text: str) -> str:
    r"""Return `text` as a Markdown code span that its backticks cannot end.

    >>> code_span("a`b")
    '``a`b``'
    """
    shown = without_comment_markers(terminal_safe(text)).strip() or "(empty)"
    fence = _fence_for(shown, shortest=1)
    padding = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def code_block(code: str, language: str) -> str:
    """Return `code` as a fenced Markdown block that its backticks cannot end."""
    shown = without_comment_markers(code_safe(code)).strip("\n")
    fence = _fence_for(shown, shortest=3)
    return f"{fence}{language}\n{shown}\n{fence}"


def without_comment_markers(text: str) -> str:
    """Return `text` in which no HTML comment can begin or end, inside code as well.

    >>> without_comment_markers("<!-- end -->")
    '<! -- end -- >'
    """
    return text.replace("<!--", "<! --").replace("-->", "-- >")


def _visible(character: str) -> str:
    if character in _BREAKS:
        return " "
    hidden = unicodedata.category(character) in _REMOVED_CATEGORIES or character in _NOT_IN_XML
    return "" if hidden else character


def _cleaned_field(value: Any, name: str) -> Any:
    content = getattr(value, name)
    return code_safe(content) if name in _MULTILINE_FIELDS else cleaned(content)


def _fence_for(text: str, shortest: int) -> str:
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    return "`" * max(shortest, longest + 1)
