"""MLflow's pages, by what a person sees and clicks in them."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Frame, Locator, Page

_CLOSED_ASSISTANT = """
try { localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true") } catch {}
"""
"""MLflow's assistant opens by itself once, over the page. A sandboxed frame has no storage."""


def close_assistant(context: BrowserContext) -> None:
    """Keep the assistant's panel away from the pages of `context`."""
    context.add_init_script(_CLOSED_ASSISTANT)


def tag(page: Page, key: str) -> str:
    """Return the value of a tag as the open run page shows it."""
    name = page.locator(f"span[title='{key}']")
    shown = name.locator("xpath=following-sibling::*[1]").text_content()
    assert shown is not None
    return shown.removeprefix(": ")


def description(page: Page) -> Locator:
    """Return the description of the open run page."""
    return page.get_by_test_id("note-editor-preview-content")


def unfold_description(page: Page) -> None:
    """Show all of a description that is too long to be shown at once."""
    page.get_by_text("Show more").click()


def open_tab(page: Page, name: str) -> None:
    """Go to another tab of the open run page."""
    page.get_by_role("tab", name=name).click()


def open_artifact(page: Page, *path: str) -> None:
    """Click through the folders of the Artifacts tab to a file."""
    open_tab(page, "Artifacts")
    for name in path:
        page.get_by_text(name, exact=True).first.click()


def shown_document(page: Page) -> Frame:
    """Return the frame in which the Artifacts tab shows an HTML file."""
    handle = page.locator("iframe").first.element_handle()
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_load_state()
    return frame


def pictures_shown(page: Page) -> int:
    """Return how many of the pictures on `page` have been drawn, once the first one has."""
    page.wait_for_function(
        "[...document.images].some(one => one.complete && one.naturalWidth > 0)"
    )
    drawn = "[...document.images].filter(one => one.naturalWidth > 0).length"
    return int(page.evaluate(drawn))


def columns(page: Page) -> set[str]:
    """Return the titles of the columns of the open table of runs."""
    return {title.strip() for title in page.get_by_role("columnheader").all_inner_texts()}


def run_listed(page: Page, run_id: str) -> Locator:
    """Return the link to a run in the open table of runs."""
    return page.locator(f"a[href*='/runs/{run_id}']").first
