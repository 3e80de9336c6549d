"""The part of a terminal that is drawn anew at each look."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tuneguard.reports.watch.screen import render_screen
from tuneguard.watching import Sight

_REDRAWS_A_SECOND = 2


class Screen:
    """Draws what is seen of a run over what was drawn before, and leaves the last drawing."""

    def __init__(self, *, color: bool, blocks: bool) -> None:
        self._console = Console(no_color=not color, highlight=False)
        self._blocks = blocks
        self._live = Live(
            Text("Reading the run ..."),
            console=self._console,
            refresh_per_second=_REDRAWS_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, sight: Sight | None, footer: str) -> None:
        """Draw what is known; before anything is, only how the watching goes."""
        if sight is None:
            self._live.update(Text(footer, style="dim"), refresh=True)
            return
        width = self._console.width
        drawing = render_screen(sight, footer, width=width, blocks=self._blocks)
        self._live.update(drawing, refresh=True)
