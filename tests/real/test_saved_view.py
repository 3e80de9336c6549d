"""The saved view, opened by the address that its installation printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.real.harness.command import tuneguard
from tests.real.harness.reviewed import EXPERIMENT, ReviewedRun

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_the_view_shows_sick_runs_with_their_findings(
    server: str, reviewed_runs: dict[str, ReviewedRun], page: Page, tmp_path: Path
) -> None:
    from tests.real.harness.browser import keep_screenshot
    from tests.real.harness.pages import columns, run_listed

    done = tuneguard("view", "install", EXPERIMENT, "--tracking-uri", server, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    page.goto(done.stdout.strip())
    diverged, overfitting = (
        run_listed(page, reviewed_runs[k].run_id) for k in ("diverged", "overfitting")
    )
    diverged.wait_for()
    assert {"tuneguard.verdict", "tuneguard.findings"} <= columns(page)
    assert diverged.bounding_box()["y"] < overfitting.bounding_box()["y"]
    assert run_listed(page, reviewed_runs["healthy"].run_id).count() == 0
    keep_screenshot(page, "saved-view")
