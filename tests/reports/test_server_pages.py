"""Lists of the server: every text in them is untrusted, every address relative."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from tuneguard.findings import Severity
from tuneguard.reports.server_pages import (
    ListedExperiment,
    RunListPage,
    experiment_list,
    message,
    run_list,
    style_source,
)
from tuneguard.scanned_run import NamedFinding, ScannedRun

VERDICTS = ("critical", "healthy", "other", "none")


def page_of(*runs: ScannedRun, name: str = "sweep", **chosen: str) -> str:
    filters = {"verdict": "", "rule": "", "text": "", **chosen}
    experiment = ListedExperiment("7", name, {"critical": 1200})
    return run_list(RunListPage(experiment, runs, VERDICTS, filters, "critical.abc=", True))


def test_runs_link_to_their_report_and_to_mlflow() -> None:
    finding = NamedFinding("divergence", Severity.CRITICAL, "step 9")
    page = page_of(
        ScannedRun(
            "abc", "first", "FAILED", 1_700_000_000_000, "unchanged", "critical", (finding,)
        )
    )

    assert 'href="../runs/abc">first</a>' in page
    assert 'href="../../#/experiments/7/runs/abc?workflowType=machine_learning"' in page
    assert "since step 9" in page
    assert "2023-11-14 22:13" in page
    assert "1,200" in page
    assert 'href="?after=critical.abc%3D" rel="next"' in page


def test_filters_stay_when_another_is_added() -> None:
    finding = NamedFinding("divergence", Severity.CRITICAL, "step 9")
    page = page_of(ScannedRun("abc", findings=(finding,)), verdict="critical", text="a&b")

    assert 'href="?verdict=critical&amp;rule=divergence&amp;text=a%26b"' in page
    assert 'value="a&amp;b"' in page


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 191 }}",
    "\x1b[31mred\x00\u202e",
    "x" * 10_000,
    "</style><script>",
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_hostile_text_is_text(text: str) -> None:
    finding = NamedFinding(text, Severity.WARNING, text)
    run = ScannedRun("abc", text, text, 10**30, "unchanged", text, (finding,) * 20, text)
    pages = (
        page_of(run, name=text, text=text),
        experiment_list([ListedExperiment("7", text)], text, text),
        message(text, [text], [("there", "x")]),
    )

    for page in pages:
        body = page.partition("</style>")[2]
        assert "<script" not in body
        assert "<img" not in body
        assert "1337" not in body
        assert not re.search("[\x00\x1b\u202e]", body)
    assert "and 14 more" in pages[0]


def test_a_policy_that_names_the_style_sheet_lets_it_in() -> None:
    sheet = re.search("<style>(.*)</style>", message("t", []), re.DOTALL)

    assert sheet is not None
    digest = base64.b64encode(hashlib.sha256(sheet[1].encode()).digest()).decode()
    assert style_source() == f"'sha256-{digest}'"
    assert " style=" not in page_of(ScannedRun("abc", verdict="critical"))
