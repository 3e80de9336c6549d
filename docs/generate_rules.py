"""Write the page of every rule into `docs/reference/rules/`.

Error rates are taken from `measured.json` beside the pages, where it exists:
a list of `{"command": "<make target>", "measured_on": "one sentence",
"rules": {"<rule>": [{"on": "...", "flagged": 1, "of": 100}]}}`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tuneguard.cli.rule_page import as_markdown, summary_of
from tuneguard.rule import Rule
from tuneguard.rules import BUILTIN_RULES

FOLDER = Path(__file__).parent / "reference" / "rules"
MEASURED = FOLDER / "measured.json"


def file_name(rule: type[Rule]) -> str:
    """Return the name of the file that holds the page of a rule."""
    return f"{rule.id}-{rule.name}.md"


def pages() -> dict[Path, str]:
    """Return the text of each page by the file that it belongs into."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else []
    rendered = {FOLDER / "index.md": _index()}
    for rule in BUILTIN_RULES:
        rendered[FOLDER / file_name(rule)] = as_markdown(rule) + _error_rates(rule, measured)
    return rendered


def _index() -> str:
    rows = [
        f"| [{rule.id}]({file_name(rule)}) | {rule.name} | {rule.default_severity} "
        f"| {summary_of(rule)} |"
        for rule in BUILTIN_RULES
    ]
    return "\n".join(
        ["# Rules", "", "| id | name | severity | says |", "| --- | --- | --- | --- |", *rows, ""]
    )


def _error_rates(rule: type[Rule], measured: list[dict[str, Any]]) -> str:
    blocks = [
        f"{one['measured_on']}\n\n{_table(one['rules'][rule.name])}"
        for one in measured
        if one["rules"].get(rule.name)
    ]
    told = "\n\n".join(blocks) or "Not measured yet."
    return f"\n## Measured error rates\n\n{told}\n"


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"| {row['on']} | {row['flagged']} | {row['of']} | {row['flagged'] / row['of']:.1%} |"
        for row in rows
    ]
    return "\n".join(["| on | flagged | of | share |", "| --- | ---: | ---: | ---: |", *lines])


def main() -> None:
    """Write the pages, and remove those of rules that are gone."""
    rendered = pages()
    for path, text in rendered.items():
        path.write_text(text, encoding="utf-8")
    for path in set(FOLDER.glob("*.md")) - set(rendered):
        path.unlink()
    sys.stdout.write(f"{len(rendered)} pages in {FOLDER}\n")


if __name__ == "__main__":
    main()
