"""Write the pages about commands, metric keys and tags into `docs/reference/`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from tuneguard import keys
from tuneguard.cli import main as program

FOLDER = Path(__file__).parent / "reference"


def pages() -> dict[Path, str]:
    """Return the text of each page by the file that it belongs into."""
    return {
        FOLDER / "cli.md": _commands(program),
        FOLDER / "metric-keys.md": _metric_keys(),
        FOLDER / "tags.md": _tags(),
    }


def _metric_keys() -> str:
    intro = (
        "The recorder writes these metrics into the run. `step` is the optimizer step everywhere. "
        f"A key that the run already has is left to its owner; ours then begins with "
        f"`{keys.PREFIX}`."
    )
    ranks = (
        "Reading the record of a [distributed training](../how-to/record-distributed-training.md) "
        "adds these series, at the steps that all ranks recorded. "
        "They are not in the metrics table."
    )
    return (
        f"# Metric keys\n\n{intro}\n\n{_table('key', keys.METRIC_KEYS)}\n\n"
        f"## Across ranks\n\n{ranks}\n\n{_table('key', keys.RANK_SERIES)}\n"
    )


def _tags() -> str:
    intro = (
        "A review sets these tags on the run, so that runs can be searched and sorted by them; "
        f"`{keys.TAG_RECORDER}` is set by `tuneguard sync`."
    )
    traces = (
        "The trace of a finding, which people give their "
        "[feedback](../how-to/review-findings-in-mlflow.md) on, has these tags."
    )
    return (
        f"# Tags\n\n{intro}\n\n{_table('tag', keys.TAGS)}\n\n"
        f"## Of traces\n\n{traces}\n\n{_table('tag', keys.TRACE_TAGS)}\n"
    )


def _table(what: str, entries: Mapping[str, str]) -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in entries.items()]
    return "\n".join([f"| {what} | holds |", "| --- | --- |", *rows])


def _commands(group: click.Group) -> str:
    blocks = ["# Commands", _paragraphs(group.help), _examples(group)]
    for name, command in group.commands.items():
        blocks += [f"## tuneguard {name}", _usage(name, command), _paragraphs(command.help)]
        blocks += [_options(command), _examples(command)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _usage(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"tuneguard {name}")
    return f"```text\n{' '.join(['tuneguard', name, *command.collect_usage_pieces(context)])}\n```"


def _paragraphs(help_text: str | None) -> str:
    paragraphs = inspect.cleandoc(help_text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _options(command: click.Command) -> str:
    rows = []
    for option in command.params:
        if isinstance(option, click.Option):
            names = ", ".join(f"`{name}`" for name in option.opts)
            rows.append(f"| {names}{_values(option)} | {option.help} |")
    return "\n".join(["| option | does |", "| --- | --- |", *rows]) if rows else ""


def _values(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        shown = [f"**{one}**" if one == option.default else one for one in option.type.choices]
        return f" {', '.join(shown)}"
    return f" {option.metavar or option.type.name.upper()}"


def _examples(command: click.Command) -> str:
    blocks = inspect.cleandoc(command.epilog or "").split("\b\n")
    shown = []
    for block in filter(None, blocks):
        title, *lines = block.strip().splitlines()
        shown.append("\n".join([title, "", "```text", *map(inspect.cleandoc, lines), "```"]))
    return "\n\n".join(shown)


def main() -> None:
    """Write the pages."""
    rendered = pages()
    for path, text in rendered.items():
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(rendered)} pages in {FOLDER}\n")


if __name__ == "__main__":
    main()
