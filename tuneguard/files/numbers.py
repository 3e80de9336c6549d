"""Numbers as compilers, spreadsheets and countries write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final, Literal

from tuneguard.exceptions import HistoryFormatError

Decimal = Literal[".", ","]

_MARKS: Final[dict[str, Decimal]] = {".": ".", ",": ","}

_SPELLINGS: Final = {
    **dict.fromkeys(["1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "1.#snan"], math.nan),
    **dict.fromkeys(["nan(ind)", "-nan(ind)", "#num!", "#div/0!", "nan()"], math.nan),
    **dict.fromkeys(["1.#inf", "∞", "+∞"], math.inf),
    **dict.fromkeys(["-1.#inf", "-∞"], -math.inf),
}
_SPACES: Final = " \u00a0\u202f\u2009\u2019'"
_EXPONENT: Final = r"(?:[eE][+-]?\d+)?"
_GROUPED: Final = {
    ".": re.compile(rf"[+-]?\d{{1,3}}(?:[,{_SPACES}]\d{{3}})+(?:\.\d*)?{_EXPONENT}"),
    ",": re.compile(rf"[+-]?\d{{1,3}}(?:[.{_SPACES}]\d{{3}})+(?:,\d*)?{_EXPONENT}"),
}
_GROUP_SIGNS: Final = re.compile(rf"[,.{_SPACES}]")
_PLAIN: Final = re.compile(rf"[+-]?(\d*)([.,])(\d+){_EXPONENT}")
_BOTH: Final = re.compile(r"[+-]?\d{1,3}([.,])(?:\d{3}\1)*\d{3}([.,])\d*")


def read_number(cell: str, decimal: Decimal | None) -> float | None:
    """Return the number that a cell holds, or `None` where it holds none.

    Args:
        cell: The text.
        decimal: What the file writes before decimals; `None` where nothing in it tells.

    Raises:
        HistoryFormatError: It may be two numbers, a thousand times apart.

    >>> read_number("1,234.5", "."), read_number("1.234,5", ","), read_number("1.#INF", None)
    (1234.5, 1234.5, inf)
    >>> read_number("1 234", None), read_number("fast", None)
    (1234.0, None)
    """
    if decimal == ",":
        return _with_comma(cell.strip())
    try:
        return float(cell)
    except ValueError:
        cell = cell.strip()
    if not _GROUPED["."].fullmatch(cell):
        return _SPELLINGS.get(cell.lower())
    if decimal is None and cell.count(",") == 1 and "." not in cell:
        raise HistoryFormatError(
            f"{cell!r} may be {cell.replace(',', '')} or {cell.replace(',', '.')}: nothing in the "
            "first lines tells. Write numbers without thousands separators and with a decimal "
            "point."
        )
    whole, point, rest = cell.partition(".")
    return float(_GROUP_SIGNS.sub("", whole) + point + rest)


def _with_comma(cell: str) -> float | None:
    if _GROUPED[","].fullmatch(cell):
        whole, comma, rest = cell.partition(",")
        cell = _GROUP_SIGNS.sub("", whole) + comma + rest
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return _SPELLINGS.get(cell.lower())


def decimal_mark(cells: Iterable[str]) -> Decimal | None:
    """Say what stands before decimals, from cells of which some tell it for sure.

    `1,234` and `1.234` tell nothing; `0,5`, `12,34` and `1.234,5` do.

    Raises:
        HistoryFormatError: Some cells say one thing, some the other.

    >>> decimal_mark(["1,234", "0.5"]), decimal_mark(["1.234", "0,5"]), decimal_mark(["1,234"])
    ('.', ',', None)
    """
    witnesses: dict[Decimal, str] = {}
    for cell in cells:
        mark = _mark_of(cell)
        if mark is not None:
            witnesses.setdefault(mark, cell)
    if len(witnesses) > 1:
        raise HistoryFormatError(
            f"Some numbers have a decimal point, as {witnesses['.'][:40]!r}, and some a decimal "
            f"comma, as {witnesses[','][:40]!r}: write them all with a point."
        )
    return next(iter(witnesses), None)


def _mark_of(cell: str) -> Decimal | None:
    both = _BOTH.fullmatch(cell)
    if both is not None:
        mark = both[2] if both[1] != both[2] else None
    else:
        plain = _PLAIN.fullmatch(cell)
        mark = None if plain is None or _is_group(plain[1], plain[3]) else plain[2]
    return _MARKS.get(mark or "")


def _is_group(whole: str, decimals: str) -> bool:
    """Whether what stands behind the mark may be thousands as well as decimals."""
    return len(decimals) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
