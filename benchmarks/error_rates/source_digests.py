"""Hashes of what code does: comments, docstrings and layout leave them as they are."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def code_digest(paths: Iterable[Path]) -> str:
    """Return a hash of the code in Python files; a folder stands for all files in it.

    It is the same under every version of Python that reads the files.
    """
    files = sorted({file for path in paths for file in _files(path)})
    text = "\n".join(f"{file.relative_to(ROOT)} {_digest(file)}" for file in files)
    return digest_of(text)


def digest_of(text: str) -> str:
    """Return a hash of a text, as 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def meaning_of(source: str) -> str:
    """Return what code does as text.

    >>> meaning_of("x = 1  # one") == meaning_of("x  =  1")
    True
    >>> meaning_of("x = 1") == meaning_of("x = 2")
    False
    """
    return repr(_plain(ast.parse(source)))


def _files(path: Path) -> Iterable[Path]:
    return path.rglob("*.py") if path.is_dir() else [path]


@cache
def _digest(file: Path) -> str:
    return digest_of(meaning_of(file.read_text(encoding="utf-8")))


def _plain(node: object) -> object:
    """Reduce a syntax tree to nested tuples, without what is empty: versions differ in that."""
    if isinstance(node, list):
        return tuple(_plain(one) for one in node if not _is_remark(one))
    if not isinstance(node, ast.AST):
        return node
    fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
    return (type(node).__name__, *((name, _plain(value)) for name, value in fields))


def _is_remark(node: object) -> bool:
    """Whether a statement is a text by itself, as docstrings are."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
