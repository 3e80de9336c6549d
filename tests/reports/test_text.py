from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest

from tuneguard.findings import Severity
from tuneguard.reports import wording
from tuneguard.reports.text import render_text

COLOR = re.compile(r"\x1b\[[\d;]+m")


def test_the_verdict_comes_first(diagnosis):
    first = render_text(diagnosis, color=False).splitlines()[0]
    assert first.startswith(diagnosis.verdict.upper())


def test_colours_are_the_only_difference_that_colours_make(diagnosis):
    plain = render_text(diagnosis, color=False, width=500)
    colored = render_text(diagnosis, color=True, width=500)
    assert "\x1b" not in plain
    assert COLOR.search(colored)
    assert COLOR.sub("", colored) == plain


@pytest.mark.parametrize("width", [60, 100, 160])
def test_prose_keeps_to_the_width(samples, width):
    lines = render_text(samples.diverged(), color=False, width=width).splitlines()
    code = {"torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.8)"}
    prose = [line for line in lines if line.strip() not in code]
    assert max(map(len, prose)) <= width


def test_colours_do_not_move_line_breaks(samples):
    plain = render_text(samples.diverged(), color=False, width=60)
    colored = render_text(samples.diverged(), color=True, width=60)
    assert COLOR.sub("", colored) == plain


def test_every_finding_tells_what_since_when_and_by_what_numbers(samples):
    diagnosis = samples.diverged()
    shown = " ".join(render_text(diagnosis, color=False).split())
    for finding in diagnosis.all_findings():
        assert finding.summary in shown
        assert finding.rule_id in shown
        assert wording.since(finding) in shown
    for finding in diagnosis.findings:
        assert finding.why in shown
        for evidence in finding.evidence:
            assert f"{evidence.metric}, {evidence.statistic}" in shown
            assert f"{wording.number(evidence.value)} {wording.relation(evidence)}" in shown


def test_only_the_first_fix_is_shown_in_full_unless_asked(samples):
    fixes = samples.diverged().findings[0].prescriptions
    short = render_text(samples.diverged(), color=False, width=400)
    full = render_text(samples.diverged(), color=False, width=400, verbose=True)
    assert fixes[0].tradeoff in short
    assert fixes[1].action in short
    assert f"Tradeoff: {fixes[1].tradeoff}" not in short.split("2. INFO")[0]
    assert f"Tradeoff: {fixes[1].tradeoff}" in full.split("2. INFO")[0]


def test_why_there_was_no_alarm_is_shown_on_request(samples):
    diagnosis = samples.diverged()
    full = render_text(diagnosis, color=False, width=4000, verbose=True)
    short = render_text(diagnosis, color=False, width=4000)
    assert diagnosis.passed
    for passed in diagnosis.passed:
        assert f"{wording.title(passed.rule)} ({passed.rule_id})" in full
        for one in passed.evidence:
            measured = f"{wording.number(one.value)} {wording.relation(one)}"
            line = f"{one.statistic}: {measured} {wording.number(one.threshold)}"
            assert line in full
            assert line not in short
    for setting in diagnosis.rules:
        assert setting in full
        assert setting not in short


def test_a_symptom_is_mended_with_its_cause_and_not_by_itself(samples):
    diagnosis = samples.with_symptom_fix("Raise the learning rate.")
    (symptom,) = diagnosis.findings[0].symptoms
    full = render_text(diagnosis, color=False, width=400, verbose=True)
    assert "1 symptom, which should go away with it" in full
    assert symptom.evidence[0].statistic in full.partition("go away with it")[2]
    assert "Raise the learning rate." not in full


def test_the_snippet_can_be_copied(samples):
    lines = render_text(samples.diverged(), color=False).splitlines()
    start = next(at for at, line in enumerate(lines) if line.strip().startswith("for group in"))
    first, second = lines[start : start + 2]
    indent = len(first) - len(first.lstrip())
    assert [first[indent:], second[indent:]] == [
        "for group in optimizer.param_groups:",
        "    group['lr'] = 0.05",
    ]


def test_symptoms_stand_deeper_than_their_cause(samples):
    lines = render_text(samples.diverged(), color=False).splitlines()
    depth = {
        name: next(len(line) - len(line.lstrip()) for line in lines if f"  {name} (" in line)
        for name in ("Learning rate too high", "Divergence", "Non-finite values")
    }
    assert list(depth.values()) == sorted(set(depth.values()))


def test_it_says_what_passed_and_what_to_record(samples):
    diagnosis = samples.diverged()
    shown = render_text(diagnosis, color=False, width=400)
    assert "Passed 1 check: overfitting." in shown
    assert diagnosis.abstained[0].needs in shown
    assert diagnosis.notes[0] in shown
    assert diagnosis.broken[0].error in shown
    assert "still running" in shown


def test_a_reason_that_several_rules_share_is_said_once(samples):
    healthy = samples.healthy()
    twin = replace(healthy.abstained[0], rule="saturated-units", rule_id="TG204")
    diagnosis = replace(healthy, abstained=(*healthy.abstained, twin))
    shown = render_text(diagnosis, color=False, width=400)
    assert "Dead units, saturated units: the run has no activation statistics." in shown
    assert shown.count(twin.reason) == 1
    assert "Could not judge 3 checks" in shown


def test_it_says_which_store_was_read(samples):
    assert samples.IDENTITY.tracking_uri in render_text(samples.healthy(), color=False, width=400)


def test_a_hostile_run_cannot_move_the_terminal(samples, hostile):
    shown = render_text(samples.with_text(hostile), color=False)
    forbidden = {"Cc", "Cf", "Cs"}
    assert not any(unicodedata.category(one) in forbidden for one in shown.replace("\n", ""))


def test_a_hostile_name_cannot_forge_a_verdict(samples):
    shown = render_text(samples.with_text("x\nHEALTHY  Nothing wrong"), color=False, width=60)
    assert not any(line.startswith("HEALTHY") for line in shown.splitlines())


def test_each_severity_is_a_word(samples):
    shown = render_text(samples.diverged(), color=False)
    assert {str(Severity.CRITICAL).upper(), str(Severity.INFO).upper()} <= set(shown.split())


def test_layers_that_stand_out_are_named_on_demand(samples):
    sentence = "Highest: 32000 in layer stem, steps 300 to 449."
    assert sentence in render_text(samples.diverged(), color=False, width=400, verbose=True)
    assert sentence not in render_text(samples.diverged(), color=False, width=400)
