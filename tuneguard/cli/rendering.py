"""Diagnoses as text, JSON, Markdown or HTML, one or several at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tuneguard.cli.examination import Examined, Request, is_file
from tuneguard.cli.past_runs import InView
from tuneguard.cli.terminal import terminal_width, wants_color

if TYPE_CHECKING:
    from tuneguard.diagnosis import Diagnosis

PIPELINE_FORMATS = ("sarif", "junit", "github")
FORMATS = ("text", "json", "markdown", "html", *PIPELINE_FORMATS)


def render(examined: Iterable[Examined], request: Request) -> Iterator[str]:
    """Yield the result piece by piece, each as soon as it is known."""
    if request.output_format == "json":
        yield _json(list(examined), is_one=len(request.targets) == 1)
        return
    if request.output_format in PIPELINE_FORMATS:
        yield _for_pipeline(list(examined), request.output_format)
        return
    is_first = True
    for one in examined:
        if one.diagnosis is not None:
            yield ("" if is_first else "\n") + _page(one, request)
            is_first = False


def _page(one: Examined, request: Request) -> str:
    diagnosis = one.shown
    assert diagnosis is not None  # noqa: S101 - for the type checker
    if request.output_format == "markdown":
        from tuneguard.reports.markdown import render_markdown

        page = render_markdown(diagnosis)
    elif request.output_format == "html":
        from tuneguard.reports.html import render_html

        page = render_html(_with_notes(diagnosis, one.in_view))
    else:
        from tuneguard.reports.text import render_text

        page = render_text(
            diagnosis,
            color=request.output is None and wants_color(),
            width=terminal_width(),
            verbose=request.verbose,
        )
    return page.rstrip("\n") + "\n" + _beside_good_runs(one.in_view, request.output_format)


def _beside_good_runs(in_view: InView | None, output_format: str) -> str:
    """Return the section of its own in which a run stands beside good ones."""
    if in_view is None or in_view.beside is None or output_format == "html":
        return ""
    from tuneguard.reports.good_runs import good_runs_markdown, good_runs_text

    if output_format == "markdown":
        return "\n" + good_runs_markdown(in_view.beside, in_view.whose)
    return "\n" + good_runs_text(in_view.beside, in_view.whose, width=terminal_width())


def _with_notes(diagnosis: Diagnosis, in_view: InView | None) -> Diagnosis:
    """Put the same among the notes of a page."""
    if in_view is None or in_view.beside is None:
        return diagnosis
    from tuneguard.reports.good_runs import sentences

    said = sentences(in_view.beside, in_view.whose)
    return replace(diagnosis, notes=(*diagnosis.notes, *said))


def _for_pipeline(examined: list[Examined], output_format: str) -> str:
    from tuneguard.reports.pipelines import Judged
    from tuneguard.reports.pipelines.github import render_github
    from tuneguard.reports.pipelines.junit import render_junit
    from tuneguard.reports.pipelines.sarif import render_sarif

    judged = [Judged(one.target, is_file(one.target), one.shown, one.error) for one in examined]
    writers = {"sarif": render_sarif, "junit": render_junit, "github": render_github}
    return writers[output_format](judged)


def _json(examined: list[Examined], *, is_one: bool) -> str:
    from tuneguard.reports.document import SCHEMA_VERSION

    documents = [_document(one) for one in examined if one.diagnosis is not None]
    errors = [{"target": one.target, "error": one.error} for one in examined if one.error]
    if is_one and documents:
        return _dump(documents[0])
    return _dump(
        {"schema_version": SCHEMA_VERSION, "diagnoses": documents, "errors": errors},
    )


def _document(one: Examined) -> dict[str, Any]:
    from tuneguard.reports.document import to_document
    from tuneguard.reports.good_runs import good_runs_document

    assert one.shown is not None  # noqa: S101 - for the type checker
    document = to_document(one.shown)
    if one.in_view is not None and one.in_view.beside is not None:
        document["beside_good_runs"] = good_runs_document(one.in_view.beside, one.in_view.whose)
    return document


def _dump(document: object) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
