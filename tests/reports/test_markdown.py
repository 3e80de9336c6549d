from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from tuneguard.history import RunIdentity
from tuneguard.reports.description import MAX_CHARACTERS, render_description
from tuneguard.reports.markdown import render_markdown
from tuneguard.reports.untrusted import code_span

markdown_it = pytest.importorskip("markdown_it")

PICTURE = "tuneguard/evidence/01 overfitting.svg"


def parsed(markdown: str):
    return markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


def kinds(markdown: str) -> set[str]:
    blocks = parsed(markdown)
    return {block.type for block in blocks} | {
        token.type for block in blocks for token in block.children or ()
    }


def test_the_report_opens_with_the_verdict(diagnosis):
    assert render_markdown(diagnosis).startswith(f"# {diagnosis.verdict.capitalize()}: ")


def test_headings_leave_out_no_level(diagnosis):
    levels = [
        int(block.tag[1])
        for block in parsed(render_markdown(diagnosis))
        if block.type == "heading_open"
    ]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_table_has_a_row_for_each_number(samples):
    diagnosis = samples.diverged()
    rows = [one for one in parsed(render_markdown(diagnosis)) if one.type == "tr_open"]
    tables = [finding.evidence for finding in diagnosis.findings]
    tables += [layer_map.extremes for layer_map in diagnosis.layers]
    tables.append(tuple(one for passed in diagnosis.passed for one in passed.evidence))
    assert len(rows) == len(tables) + sum(map(len, tables))


def test_symptoms_are_listed_with_their_evidence_and_without_fixes(samples):
    diagnosis = samples.with_symptom_fix("Raise the learning rate.")
    (cause,) = diagnosis.findings
    report = render_markdown(diagnosis)
    assert "1 symptom, which should go away with it" in report
    assert all(f"  - {code_span(one.metric)}, " in report for one in cause.symptoms[0].evidence)
    for shown in (report, render_description(diagnosis, PICTURE)):
        assert "Raise the learning rate." not in shown


def test_snippets_are_python_blocks(samples):
    diagnosis = samples.diverged()
    fences = [block for block in parsed(render_markdown(diagnosis)) if block.type == "fence"]
    fixes = [fix for finding in diagnosis.findings for fix in finding.prescriptions]
    assert [fence.content.strip() for fence in fences] == [fix.snippet.strip() for fix in fixes]
    assert {fence.info for fence in fences} == {"python"}


def test_a_hostile_run_brings_no_markup_into_the_report(samples, hostile):
    expected = kinds(render_markdown(samples.with_text("name")))
    assert kinds(render_markdown(samples.with_text(hostile))) <= expected
    assert not expected & {"html_block", "html_inline", "link_open", "image"}


def test_a_hostile_run_adds_no_cell_to_a_table(samples):
    def cells(text: str) -> int:
        blocks = parsed(render_markdown(samples.with_text(text)))
        return sum(block.type in {"td_open", "th_open"} for block in blocks)

    assert cells("a|b|c") == cells("name")


def test_a_hostile_run_brings_no_markup_into_the_description(samples, hostile):
    expected = kinds(render_description(samples.with_text("name"), PICTURE))
    shown = kinds(render_description(samples.with_text(hostile), PICTURE))
    assert shown <= expected
    assert not expected & {"html_block", "html_inline", "link_open"}


def test_a_hostile_run_cannot_end_the_block_it_stands_in(samples, hostile):
    description = render_description(samples.with_text(hostile), PICTURE)
    assert "<!--" not in description
    assert "-->" not in description


def test_the_first_two_lines_say_the_verdict_and_the_first_fix(samples):
    first, second = render_description(samples.diverged(), PICTURE).splitlines()[:2]
    assert first.startswith("**Critical**: Learning rate too high")
    assert samples.LOWER_RATE.action in second


def test_the_description_fits_whatever_was_found(samples, hostile):
    finding = samples.with_text(hostile or "x" * 5000).findings[0]
    evidence, prescriptions = finding.evidence * 20, finding.prescriptions * 20
    many = (replace(finding, evidence=evidence, prescriptions=prescriptions),) * 30
    diagnosis = replace(samples.with_text(hostile), findings=many, notes=("n" * 3000,) * 9)
    assert len(render_description(diagnosis, PICTURE)) <= MAX_CHARACTERS


def test_the_picture_is_shown_by_its_path_among_the_artifacts(samples):
    description = render_description(samples.diverged(), PICTURE)
    where = re.findall(r"!\[[^]]+\]\(([^)]+)\)", description)
    path = "tuneguard%2Fevidence%2F01%20overfitting.svg"
    assert where == [f"get-artifact?path={path}&run_uuid={samples.IDENTITY.run_id}"]


def test_no_picture_without_a_run_or_a_path(samples):
    nowhere = replace(samples.diverged(), identity=RunIdentity(name="log.csv"))
    assert "![" not in render_description(nowhere, PICTURE)
    assert "![" not in render_description(samples.diverged(), None)
