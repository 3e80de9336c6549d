"""The documentation says what the code does, and its code runs."""

import re
import runpy
import shlex
from pathlib import Path

import click
import pytest

import tuneguard
from tuneguard import keys
from tuneguard.cli import main as program
from tuneguard.rules import BUILTIN_RULES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|#)([^)#\s]+)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


MAKE = re.compile(r"(?:^|`)make ([a-z-]+)", re.MULTILINE)
COMMAND = re.compile(r"^(?:\$ )?tuneguard ([a-z]+)(.*)$", re.MULTILINE)


def printed_commands() -> list[tuple[str, str]]:
    """Return the name and the arguments of each command in a block of code."""
    blocks = [block for page in PAGES for block in FENCED.findall(page.read_text("utf-8"))]
    return sorted({found for block in blocks for found in COMMAND.findall(block)})


def generated() -> dict[Path, str]:
    texts: dict[Path, str] = {}
    for script in ("generate_rules.py", "generate_reference.py"):
        texts |= runpy.run_path(str(DOCS / script))["pages"]()
    return texts


@pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.name)
def test_a_committed_page_is_what_would_be_generated(path):
    assert path.exists(), "run `make docs`"
    assert path.read_text(encoding="utf-8") == generated()[path], "run `make docs`"


def test_no_page_is_left_of_a_rule_that_is_gone():
    folder = REFERENCE / "rules"

    assert set(folder.glob("*.md")) == {path for path in generated() if path.parent == folder}


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_every_rule_is_in_the_readme(rule):
    assert f"| {rule.id} | {rule.name} |" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_and_option_is_documented():
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")

    for name, command in program.commands.items():
        assert f"## tuneguard {name}\n" in page
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"`{option.opts[-1]}`" in page


@pytest.mark.parametrize(("name", "arguments"), printed_commands())
def test_a_printed_command_has_options_that_exist(name, arguments):
    command = program.commands[name]
    words = shlex.split(arguments.split("[OPTIONS]")[-1].partition(" >> ")[0], comments=True)

    command.make_parser(click.Context(command)).parse_args(words)


def test_every_printed_make_target_exists():
    printed = {name for page in PAGES for name in MAKE.findall(page.read_text("utf-8"))}
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert {"demo", "test"} <= printed <= set(targets)


@pytest.mark.parametrize("key", keys.METRIC_KEYS)
def test_every_metric_key_is_documented(key):
    assert f"`{key}`" in (REFERENCE / "metric-keys.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("tag", [*keys.TAGS, *keys.TRACE_TAGS])
def test_every_tag_is_documented(tag):
    assert f"`{tag}`" in (REFERENCE / "tags.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", tuneguard.__all__)
def test_every_public_name_is_documented(name):
    assert f"`{name}`" in (REFERENCE / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    targets = [path.parent / link for link in LINK.findall(text)]

    assert [target for target in targets if not target.exists()] == []


def test_every_page_is_reached_from_the_index():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    reached = {(DOCS / link).resolve() for link in LINK.findall(index)}
    rules = REFERENCE / "rules"

    assert {one for one in DOCS.rglob("*.md") if one.parent != rules} - reached == {
        DOCS / "index.md"
    }
