"""A block of our own in a text that belongs to somebody else."""

from __future__ import annotations

import re
from typing import Final

BEGIN: Final = "<!-- tuneguard:begin -->"
END: Final = "<!-- tuneguard:end -->"
MAX_CHARACTERS: Final = 7_999
"""MLflow cuts what reaches 8,000 characters."""

_BLOCK = re.compile(f"{re.escape(BEGIN)}(?:(?!{re.escape(BEGIN)}).)*?{re.escape(END)}", re.DOTALL)
_MARKER = re.compile(f"{re.escape(BEGIN)}|{re.escape(END)}")
_PLACE = "\0"


def with_block(text: str, block: str, limit: int = MAX_CHARACTERS) -> str:
    """Put our block into a person's text, in place of the one that is there.

    Without one, it goes to the end. Of a block that lost a marker only the other marker is
    taken out: what stands beside it may be the person's by now.

    Args:
        text: The description as it is.
        block: What to say, without markers.
        limit: How long the result may be; the block is shortened to fit, the text never.

    Returns:
        The new description, without a block where no part of it fits.

    >>> print(with_block("My notes.", "**healthy**"))
    My notes.
    <BLANKLINE>
    <!-- tuneguard:begin -->
    **healthy**
    <!-- tuneguard:end -->
    """
    marked = _BLOCK.sub(_PLACE, text.replace(_PLACE, ""))
    if _PLACE not in marked:
        marked = _MARKER.sub(_PLACE, marked, count=1)
    before, place, after = (_MARKER.sub("", part) for part in marked.partition(_PLACE))
    after = after.replace(_PLACE, "")
    gap = "\n\n" if before and not place else ""
    room = limit - len(before) - len(after) - len(f"{gap}{BEGIN}\n\n{END}")
    ours = _shortened(_MARKER.sub("", block).strip(), room)
    return f"{before}{gap}{BEGIN}\n{ours}\n{END}{after}" if ours else f"{before}{after}"


def _shortened(block: str, room: int) -> str:
    """Return as many whole paragraphs as fit, with no code fence left open."""
    if len(block) <= room:
        return block
    paragraphs = block.split("\n\n")
    for count in range(len(paragraphs) - 1, 0, -1):
        kept = "\n\n".join(paragraphs[:count])
        if len(kept) <= room and kept.count("```") % 2 == 0:
            return kept
    return ""
