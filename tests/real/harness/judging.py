"""A person who judges findings in the Traces tab of a run, by clicks."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

_PART = "[data-component-id='shared.model-trace-explorer.{}']"
QUESTION = "real_problem"


def findings_listed(page: Page) -> Locator:
    """Return the links to findings in the list of the open Traces tab."""
    return page.locator(
        "[data-component-id='mlflow.evaluations_review.table_ui.evaluation_id_link']"
    )


def open_finding(page: Page, title: str) -> None:
    """Open a finding from the list."""
    findings_listed(page).filter(has_text=f"{title}:").first.click()
    page.get_by_role("heading", name=title).first.wait_for()


def judge(page: Page, *, is_real: bool, why: str) -> None:
    """Do what the open finding asks for: Assess, + beside the question, an answer, a reason."""
    page.get_by_role("button", name="Assess").first.click()
    page.get_by_role("button", name="Add feedback").wait_for()
    question = page.get_by_text(QUESTION, exact=True).last
    question.locator("xpath=../following-sibling::button").click()
    page.get_by_text(str(is_real), exact=True).last.click()
    page.locator(_PART.format("assessment-rationale-input")).fill(why)
    create = page.get_by_role("button", name="Create")
    create.click()
    create.wait_for(state="detached")
