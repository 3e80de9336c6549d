"""Answers of the pages, with what tells a browser to trust nothing in them."""

from __future__ import annotations

from functools import cache
from typing import Final

from starlette.responses import HTMLResponse, Response

from tuneguard.reports.server_pages import style_source

_NOTHING_ELSE: Final = "default-src 'none'; base-uri 'none'; frame-ancestors 'self'"

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


def page(html: str, status: int = 200) -> Response:
    """Return a page that may use its own style sheet and send forms to this server."""
    return HTMLResponse(html, status, {**_HEADERS, "Content-Security-Policy": _page_policy()})


def report(html: str) -> Response:
    """Return a report. Its pictures carry styles and are part of it; nothing is loaded or run."""
    policy = f"{_NOTHING_ELSE}; form-action 'none'; style-src 'unsafe-inline'; img-src data:"
    return HTMLResponse(html, headers={**_HEADERS, "Content-Security-Policy": policy})


def document(text: str) -> Response:
    """Return a JSON document."""
    policy = {"Content-Security-Policy": f"{_NOTHING_ELSE}; form-action 'none'"}
    return Response(text, media_type="application/json", headers={**_HEADERS, **policy})


@cache
def _page_policy() -> str:
    return f"{_NOTHING_ELSE}; form-action 'self'; style-src {style_source()}"
