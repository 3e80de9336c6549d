"""Hooks of MkDocs: what the site has beyond the pages of `docs/`.

The navigation follows from `index.md`, which lists every page. The examples become pages; other
files of the repository that pages link to are copied. The page of the Python interface gets the
signatures and docstrings of all public names.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import tuneguard

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLES = "examples"
INTERFACE = "reference/api.md"
RULES = "reference/rules/index.md"
OF_FRAMEWORKS = [
    "tuneguard.lightning.TuneGuardCallback",
    "tuneguard.transformers.TuneGuardCallback",
    "tuneguard.keras.TuneGuardCallback",
    "tuneguard.optuna.TuneGuardPruner",
    "tuneguard.optuna.narrowed",
    "tuneguard.optuna.report_to",
    "tuneguard.ray_tune.TuneGuardStopper",
]

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)([^)]*)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let the navigation follow from `index.md`."""
    config.nav = navigation((DOCS / "index.md").read_text(encoding="utf-8"))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the examples as pages, and the files outside of `docs/` that pages link to."""
    for path, text in example_pages().items():
        files.append(File.generated(config, path, content=text))
    for target in sorted(linked_outside(files)):
        files.append(File.generated(config, place_of(target), abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead links that leave `docs/` to what the site has of their targets."""
    if page.is_homepage:
        # it lists all pages itself
        page.meta["hide"] = ["navigation", "toc"]
    if page.file.src_uri == INTERFACE:
        markdown += signatures()
    return inward(markdown, page.file.src_uri)


def navigation(index: str) -> list[Any]:
    """Return the navigation: the sections of the index, and under each what it links to.

    Args:
        index: Text of `index.md`.
    """
    _, *parts = _SECTION.split(index)
    entries: list[Any] = [{"Home": "index.md"}]
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        entries.append({title: [_entry(name, target) for name, target, _ in _LINK.findall(text)]})
    return entries


def _entry(name: str, target: str) -> dict[str, Any]:
    if target == RULES:
        pages = sorted((DOCS / RULES).parent.glob("TG*.md"))
        return {name: [RULES, *(page.relative_to(DOCS).as_posix() for page in pages)]}
    if target == f"../{EXAMPLES}":
        return {name: sorted(example_pages())}
    return {name[0].upper() + name[1:]: target}


def example_pages() -> dict[str, str]:
    """Return the text of each page about the examples by its place."""
    pages, rows = {}, []
    for path in sorted((ROOT / EXAMPLES).glob("[0-9]*.py")):
        code = path.read_text(encoding="utf-8")
        says = (ast.get_docstring(ast.parse(code)) or "").split("\n\n", 1)[0]
        title = path.stem.split("_", 1)[1].replace("_", " ").capitalize()
        pages[f"{EXAMPLES}/{path.stem}.md"] = (
            f"# {title}\n\n`python {EXAMPLES}/{path.name}`\n\n```python\n{code}```\n"
        )
        rows.append(f"- [{title}]({path.stem}.md): {' '.join(says.split())}")
    index = "\n".join(
        ["# Examples", "", "One script for each fault, by its real cause.", "", *rows]
    )
    return {f"{EXAMPLES}/index.md": index, **pages}


def signatures() -> str:
    """Return what mkdocstrings turns into the docstrings of all public names."""
    names = [f"tuneguard.{name}" for name in tuneguard.__all__ if name != "__version__"]
    blocks = [f"::: {name}" for name in [*names, *OF_FRAMEWORKS]]
    return "\n\n".join(["\n\n## Signatures and docstrings", *blocks, ""])


def linked_outside(files: Files) -> set[str]:
    """Return the files outside of `docs/` that pages link to, relative to the repository."""
    targets = {
        _outside(file.src_uri, link)
        for file in files.documentation_pages()
        for _, link, _ in _LINK.findall(file.content_string)
    }
    return {one for one in targets if one and not is_example(one) and (ROOT / one).is_file()}


def inward(markdown: str, page: str) -> str:
    """Return a page whose links lead to places of the site.

    Args:
        markdown: Text of the page.
        page: Place of the page, relative to `docs/`.
    """

    def led(link: re.Match[str]) -> str:
        target = _outside(page, link[2])
        if target is None:
            return link[0]
        there = relpath(place_of(target), PurePosixPath(page).parent.as_posix())
        return f"[{link[1]}]({there}{link[3]})"

    return _LINK.sub(led, markdown)


def place_of(target: str) -> str:
    """Return the place in the site of a file of the repository."""
    if target == EXAMPLES:
        return f"{EXAMPLES}/index.md"
    return str(PurePosixPath(target).with_suffix(".md")) if is_example(target) else target


def is_example(target: str) -> bool:
    """Tell whether a file of the repository is an example, or all of them."""
    return PurePosixPath(target).parts[0] == EXAMPLES


def _outside(page: str, link: str) -> str | None:
    """Return where a link leads relative to the repository, or nothing where it stays inside."""
    target = normpath((PurePosixPath("docs") / page).parent / link)
    return None if target.startswith("docs/") else target
