"""`tuneguard rules` and `tuneguard explain`."""

import json

import pytest

from tuneguard.cli import rule_page
from tuneguard.rules import BUILTIN_RULES


def test_the_table_has_a_line_for_each_rule(invoke):
    header, *lines = invoke("rules").stdout.splitlines()

    assert header.split() == ["id", "name", "severity", "says"]
    assert [line.split()[0] for line in lines] == [rule.id for rule in BUILTIN_RULES]


def test_the_catalogue_as_json(invoke):
    rows = json.loads(invoke("rules", "--format", "json").stdout)

    assert [row["name"] for row in rows] == [rule.name for rule in BUILTIN_RULES]
    assert all(row["summary"] and row["default_severity"] for row in rows)


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_every_rule_has_every_section(rule):
    assert tuple(rule_page.sections_of(rule)) == rule_page.HEADINGS
    assert all(rule_page.sections_of(rule).values())


@pytest.mark.parametrize("typed", ["overfitting", "TG101"])
def test_a_rule_is_explained_by_name_and_by_id(invoke, typed):
    page = invoke("explain", typed).stdout

    assert page.startswith("TG101 overfitting (warning)")
    assert "When it is wrong\n  " in page
    assert "``" not in page


def test_thresholds_and_requirements_are_on_the_page(invoke):
    page = invoke("explain", "overfitting", "--format", "markdown").stdout

    assert "| `min_noise` | `3.0` |" in page
    assert "- train loss or train evaluation loss, at least 5 finite points" in page


def test_a_prefix_explains_every_rule_under_it(invoke):
    page = invoke("explain", "TG2", "--format", "markdown").stdout

    assert page.count("## What it detects") == sum(r.id.startswith("TG2") for r in BUILTIN_RULES)


def test_a_misspelt_rule_is_2_with_a_hint(invoke):
    result = invoke("explain", "exploding-gradient")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: No rule is called 'exploding-gradient'. Did you mean 'exploding-gradients'?\n"
    )
