"""A review of each kind of run, looked at in MLflow's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.real.harness.reviewed import ReviewedRun

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.real.harness.browser import Witness

VERDICTS = {
    "healthy": ("healthy", "none"),
    "overfitting": ("warning", "overfitting"),
    "diverged": ("critical", "schedule-fault"),
}


@pytest.fixture(params=VERDICTS)
def run(request: pytest.FixtureRequest, reviewed_runs: dict[str, ReviewedRun]) -> ReviewedRun:
    return reviewed_runs[request.param]


def test_the_printed_link_opens_the_verdict_and_its_picture(run: ReviewedRun, page: Page) -> None:
    from tests.real.harness.browser import keep_screenshot
    from tests.real.harness.pages import description, tag, unfold_description

    verdict, finding = VERDICTS[run.kind]
    page.goto(run.link)
    assert tag(page, "tuneguard.verdict") == verdict
    assert tag(page, "tuneguard.findings").split(", ")[0] == finding
    text = description(page)
    assert text.inner_text().lower().startswith(verdict)
    if run.kind != "healthy":
        unfold_description(page)
        picture = text.locator("img").first
        picture.scroll_into_view_if_needed()
        page.wait_for_function("[...document.images].every(one => one.complete)")
        assert picture.evaluate("image => image.naturalWidth") > 0
    keep_screenshot(page, f"run-{run.kind}")


def test_the_report_opens_among_the_artifacts(
    run: ReviewedRun, page: Page, witness: Witness
) -> None:
    from tests.real.harness.browser import keep_screenshot
    from tests.real.harness.pages import open_artifact, shown_document

    page.goto(run.link)
    open_artifact(page, "tuneguard", "report.html")
    report = shown_document(page)
    report.get_by_role("heading", level=1).wait_for()
    assert report.get_by_text(run.run_id).first.is_visible()
    assert VERDICTS[run.kind][0] in report.locator("body").inner_text().lower()
    keep_screenshot(page, f"report-{run.kind}")
    assert witness.hosts == {urlsplit(run.server).netloc}
    assert witness.dialogs == []
