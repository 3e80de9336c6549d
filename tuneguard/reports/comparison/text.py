"""A comparison for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final

from tuneguard.comparison import Comparison, Effect
from tuneguard.comparison.result import BandPicture
from tuneguard.reports import wording
from tuneguard.reports.comparison import phrases
from tuneguard.reports.sparkline import shared_limits, sparkline
from tuneguard.reports.untrusted import cleaned, clipped

_COLORS: Final = {
    "better": "1;32",
    "worse": "1;31",
    "no difference": "1;36",
    "cannot tell": "1;35",
}
_INDENT: Final = "   "
_CURVE: Final = 60


def render_text(
    comparison: Comparison, *, color: bool, width: int = 100, curves: bool = True
) -> str:
    """Return the comparison as lines of text.

    Args:
        comparison: What came of it.
        color: Whether to colour verdicts.
        width: Columns of the terminal.
        curves: Whether the terminal can show block characters.
    """
    report = _Report(color, max(40, width), curves)
    return "\n".join(report.lines(cleaned(comparison))) + "\n"


class _Report:
    """How lines are broken, indented and coloured."""

    def __init__(self, color: bool, width: int, curves: bool) -> None:
        self.color, self.width, self.curves = color, width, curves

    def lines(self, comparison: Comparison) -> Iterator[str]:
        verdict = comparison.verdict
        head = self._filled(f"{verdict.upper()}  {phrases.headline(comparison)}.", "")
        yield head[0].replace(verdict.upper(), self._colored(verdict.upper(), verdict), 1)
        yield from head[1:]
        yield from self._filled(phrases.sides(comparison), "")
        pictures = {one.measure: one for one in comparison.pictures}
        for effect in comparison.effects:
            yield ""
            yield from self._effect(effect, pictures.get(effect.measure))
        yield ""
        yield from self._facts(comparison)

    def _effect(self, effect: Effect, picture: BandPicture | None) -> Iterator[str]:
        role = "" if effect.decides else ", for information"
        title = f"{effect.measure} ({phrases.direction(effect)}{role}): "
        yield f"{title}{self._colored(effect.answer, effect.answer)}"
        yield from self._filled(f"{phrases.levels(effect)}, {phrases.difference(effect)}", _INDENT)
        where = wording.window(effect.window, picture.axis if picture else "step")
        yield from self._filled(f"{effect.reason}; {phrases.noise(effect)}; {where}", _INDENT)
        if picture is not None and self.curves:
            yield from self._curves(picture)

    def _curves(self, picture: BandPicture) -> Iterator[str]:
        limits = shared_limits([band.centre for band in picture.bands])
        end = max((band.at[-1] for band in picture.bands), default=1.0) or 1.0
        room = min(_CURVE, self.width - 20)
        for band in picture.bands:
            width = max(1, round(room * min(1.0, band.at[-1] / end)))
            curve = sparkline(band.centre, width, limits)
            yield f"{_INDENT}{band.label:<7}{curve} {wording.number(band.centre[-1])}"

    def _facts(self, comparison: Comparison) -> Iterator[str]:
        changed = "; ".join(phrases.changes(comparison)) or "no recorded setting"
        yield from self._filled(f"Changed: {changed}", "")
        for word, rules in phrases.findings(comparison):
            yield from self._filled(f"Findings {word}: {rules}", "")
        yield from self._filled(f"Cost of a run: {phrases.costs(comparison)}", "")
        if comparison.settle:
            yield from self._filled(f"Left open: {comparison.settle}", "")
        for note in comparison.notes:
            yield from self._filled(f"Note: {clipped(note, 300)}", "")

    def _filled(self, text: str, indent: str) -> list[str]:
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=indent,
            subsequent_indent=indent + _INDENT,
            break_on_hyphens=False,
        )

    def _colored(self, text: str, answer: str) -> str:
        return f"\x1b[{_COLORS[answer]}m{text}\x1b[0m" if self.color else text
