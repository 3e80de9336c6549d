"""Findings judged by clicks in MLflow's pages, and the verdicts read back in Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.real.harness.command import tuneguard
from tests.real.harness.reviewed import ReviewedRun
from tuneguard.storage.verdicts import read_verdicts

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Judgement(NamedTuple):
    """What a person thinks of the first finding of a run."""

    kind: str
    rule: str
    outcome: str
    why: str


JUDGEMENTS = [
    Judgement("diverged", "divergence", "false alarm", "the task <b>changed</b> on purpose"),
    Judgement("overfitting", "overfitting", "real problem", "the test set says the same"),
]


@pytest.mark.parametrize("judgement", JUDGEMENTS, ids=lambda one: one.kind)
def test_a_verdict_given_by_clicks_is_read_back_and_survives_a_new_diagnosis(
    reviewed_runs: dict[str, ReviewedRun], page: Page, tmp_path: Path, judgement: Judgement
) -> None:
    from tests.real.harness.browser import keep_screenshot
    from tests.real.harness.judging import judge, open_finding
    from tests.real.harness.pages import open_tab, pictures_shown

    run = reviewed_runs[judgement.kind]
    page.goto(run.link)
    open_tab(page, "Traces")
    open_finding(page, judgement.rule.capitalize())
    assert pictures_shown(page) > 0
    judge(page, is_real=judgement.outcome == "real problem", why=judgement.why)
    keep_screenshot(page, f"judged-{judgement.kind}")

    again = tuneguard(
        "diagnose", run.run_id, "--force", "--tracking-uri", run.server, folder=tmp_path
    )
    assert again.returncode == 1, again.stderr
    found = [one for one in read_verdicts(run.run_id, run.server) if one.rule == judgement.rule]
    assert [one.outcome for one in found] == [judgement.outcome]
    assert [verdict.rationale for verdict in found[0].verdicts] == [judgement.why]


def test_a_healthy_run_asks_nothing(reviewed_runs: dict[str, ReviewedRun], page: Page) -> None:
    from tests.real.harness.judging import findings_listed
    from tests.real.harness.pages import open_tab

    run = reviewed_runs["healthy"]
    page.goto(run.link)
    open_tab(page, "Traces")
    page.get_by_text("No traces found").wait_for()
    assert findings_listed(page).count() == 0
    assert read_verdicts(run.run_id, run.server) == ()
