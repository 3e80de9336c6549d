"""A comparison as Markdown, for a pull request or the page of a job."""

from __future__ import annotations

from collections.abc import Iterator

from tuneguard.comparison import Comparison, Effect
from tuneguard.reports.comparison import phrases
from tuneguard.reports.untrusted import cleaned, markdown_safe
from tuneguard.version import __version__


def render_markdown(comparison: Comparison) -> str:
    """Return the comparison as a Markdown document."""
    return "\n\n".join(_blocks(cleaned(comparison))) + "\n"


def _blocks(comparison: Comparison) -> Iterator[str]:
    yield f"# {comparison.verdict.capitalize()}: {markdown_safe(phrases.headline(comparison))}"
    yield f"{markdown_safe(phrases.sides(comparison))}. By tuneguard {__version__}."
    yield _table(comparison)
    if comparison.settle:
        yield f"**Left open:** {markdown_safe(comparison.settle)}"
    changed = [markdown_safe(one) for one in phrases.changes(comparison)]
    yield f"**Changed:** {'; '.join(changed) or 'no recorded setting'}"
    for word, rules in phrases.findings(comparison):
        yield f"**Findings {word}:** {markdown_safe(rules)}"
    yield f"**Cost of a run:** {markdown_safe(phrases.costs(comparison))}"
    for note in comparison.notes:
        yield f"Note: {markdown_safe(note)}"


def _table(comparison: Comparison) -> str:
    rows = ["| measure | before -> after | difference | seed noise | answer |"]
    rows.append("| --- | --- | --- | --- | --- |")
    rows += [_row(effect) for effect in comparison.effects]
    return "\n".join(rows)


def _row(effect: Effect) -> str:
    role = "" if effect.decides else " (for information)"
    cells = (
        f"{effect.measure}{role}",
        phrases.levels(effect),
        phrases.difference(effect),
        phrases.noise(effect).removeprefix("seed noise "),
        effect.answer,
    )
    return f"| {' | '.join(map(markdown_safe, cells))} |"
