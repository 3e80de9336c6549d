"""What matplotlib writes as SVG, made fit to stand inside a page: small, named, self-contained."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Final

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_LONG_FRACTION = re.compile(r"\d+\.\d{2,}")
_REMOVED: Final = frozenset({f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"})
_ONLY_LINES = re.compile(r"[ML\d. -]+")
_LONG_PATH: Final = 400

ET.register_namespace("", _SVG)


def embeddable(svg: str, *, name: str, title: str, description: str) -> str:
    """Return `svg` without prolog, metadata and anonymous ids, and with a title and a description.

    Args:
        svg: A whole SVG document as matplotlib writes it.
        name: Prefix of the ids of title and description; unique in the page.
        title: Short name of the picture.
        description: What a person who cannot see it should know.
    """
    root = ET.fromstring(svg)  # noqa: S314 - our own drawing, not a file from elsewhere
    for element in list(root.iter()):
        _keep_to_itself(element)
        _shorten(element)
    _set_defaults(root)
    _describe(root, name, title, description)
    return ET.tostring(root, encoding="unicode")


def _keep_to_itself(element: ET.Element) -> None:
    """Take away what would reach beyond the picture: ids that repeat, and rules for `*`."""
    if element.tag == f"{{{_SVG}}}g":
        element.attrib.pop("id", None)
    if _XLINK_HREF in element.attrib:
        element.set("href", element.attrib.pop(_XLINK_HREF))
    for child in [child for child in element if child.tag in _REMOVED]:
        element.remove(child)


def _shorten(element: ET.Element) -> None:
    if len(element.get("d", "")) > _LONG_PATH:
        element.set("d", _shortened(element.attrib["d"]))
    if element.text and not element.text.strip():
        element.text = None
    element.tail = None


def _shortened(path: str) -> str:
    """Round to a tenth of a pixel, and leave out what SVG implies: after a move comes a line."""
    compact = " ".join(_LONG_FRACTION.sub(_rounded, path).split())
    return compact.replace(" L ", " ") if _ONLY_LINES.fullmatch(compact) else compact


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}"


def _set_defaults(root: ET.Element) -> None:
    _, _, width, height = root.attrib["viewBox"].split()
    root.set("width", width)
    root.set("height", height)
    root.set("stroke-linejoin", "round")


def _describe(root: ET.Element, name: str, title: str, description: str) -> None:
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-description")
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        suffix = "title" if tag == "title" else "description"
        element = ET.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{suffix}"})
        element.text = text
        root.insert(position, element)
