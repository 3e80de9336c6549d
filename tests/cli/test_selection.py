"""Rules by the names that people type."""

import click
import pytest

from tuneguard.cli.selection import match_rules, select_rules
from tuneguard.exceptions import UnknownRuleError
from tuneguard.rules import BUILTIN_RULES


def names(rules):
    return {rule.name for rule in rules}


@pytest.mark.parametrize("typed", ["overfitting", "Overfitting", "TG101", "tg101"])
def test_a_rule_is_found_by_name_and_by_id(typed):
    assert names(match_rules(typed, BUILTIN_RULES)) == {"overfitting"}


def test_underscores_do_for_hyphens():
    assert names(match_rules("no_learning", BUILTIN_RULES)) == {"no-learning"}


def test_an_id_prefix_means_every_rule_under_it():
    under = match_rules("TG2", BUILTIN_RULES)

    assert "exploding-gradients" in names(under)
    assert all(rule.id.startswith("TG2") for rule in under)


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownRuleError, match="Did you mean 'overfitting'"):
        match_rules("overfiting", BUILTIN_RULES)


@pytest.mark.parametrize("typed", ["", "xyz", "TG9", "T"])
def test_what_means_no_rule_is_refused(typed):
    with pytest.raises(UnknownRuleError):
        match_rules(typed, BUILTIN_RULES)


def test_nothing_selected_means_all_rules_in_their_order():
    assert select_rules((), (), BUILTIN_RULES) == tuple(BUILTIN_RULES)


def test_ignored_rules_win_over_selected_ones():
    left = select_rules(("TG1",), ("overfitting",), BUILTIN_RULES)

    assert "overfitting" not in names(left)
    assert all(rule.id.startswith("TG1") for rule in left)


def test_a_selection_that_leaves_nothing_is_refused():
    with pytest.raises(click.UsageError, match="leave no rule"):
        select_rules(("overfitting",), ("TG1",), BUILTIN_RULES)
