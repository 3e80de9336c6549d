"""Debian's Chromium without a screen, and what a page did that it should not have."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SCREENSHOTS = "TUNEGUARD_SCREENSHOTS"
PATIENCE_MILLISECONDS = 60_000
"""Against hangs only: what is waited for is a condition."""


def program() -> str | None:
    """Return the browser's program, or `None` where none is installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """Run the browser. Its sandbox needs rights that root in a container does not have."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Witness:
    """What happened in a page and its frames.

    Attributes:
        dialogs: Texts of alerts and the like: signs of a script that ran.
        errors: Exceptions of scripts, and errors on the console.
        hosts: Whom it asked for anything.
    """

    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def watch(self, page: Page) -> None:
        """Take note of what happens in `page` from now on."""
        page.on("dialog", self._on_dialog)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._on_request(request.url))

    def _on_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _on_request(self, url: str) -> None:
        host = re.match(r"(?:https?|wss?)://([^/]+)", url)
        if host:
            self.hosts.add(host[1])


def keep_screenshot(page: Page, name: str) -> None:
    """Save what `page` shows, where the environment names a folder for it."""
    folder = os.environ.get(SCREENSHOTS)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
