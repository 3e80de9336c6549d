"""A later run counts for a prescription where it changed just that."""

from __future__ import annotations

import pytest

from tests.evidence.test_ranking import CLIPPED, SLOWER, diagnosis, prescription
from tuneguard.evidence.pairing import Setup, Setups, pairs_of
from tuneguard.findings import Change, Prescription
from tuneguard.treatment.remedies import follows, remedy_of

LEAKY = prescription("activation", Change("activation", "leaky_relu"))
DECAYED = prescription("weight_decay", Change("weight_decay", 0.01), Change("optimizer", "adamw"))
BASE = {"lr": "1.0", "optim": "Adam", "data": "a", "seed": "1"}


def setup(run_id: str, at: int, **changes: str) -> Setup:
    return Setup.of(run_id, at, {**BASE, **changes})


def followers(one: Prescription, *later: Setup) -> list[str]:
    setups = Setups([*later, setup("first", 10)])
    return [found.run_id for found in setups.followers("first", one)]


def test_only_a_change_in_the_direction_counts() -> None:
    runs = (setup("less", 11, lr="0.3"), setup("more", 12, lr="3"), setup("same", 13))
    assert followers(SLOWER, *runs) == ["less"]


def test_an_earlier_run_followed_nothing() -> None:
    assert followers(SLOWER, setup("less", 9, lr="0.3")) == []


def test_another_difference_leaves_a_run_out_and_the_seed_is_none() -> None:
    seeded = setup("seeded", 11, lr="0.3", seed="2")
    assert followers(SLOWER, seeded, setup("other", 12, lr="0.3", data="b")) == ["seeded"]


def test_what_the_recorder_found_out_counts_where_nobody_logged_it() -> None:
    own = {"tuneguard/learning_rate": "0.3", "tuneguard/betas": "0.8, 0.9"}
    found = {"tuneguard/weight_decay": "0.1"}
    runs = (setup("logged", 11, lr="0.3", **own), setup("found", 12, lr="0.3", **found))
    assert followers(SLOWER, *runs) == ["logged"]


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"wd": "0.001", "optim": "AdamW"}, True),
        ({"wd": "0.001"}, False),
        ({"optim": "AdamW"}, False),
        ({"wd": "0", "optim": "AdamW"}, False),
    ],
)
def test_all_parts_of_a_prescription_go_together(changes: dict[str, str], counts: bool) -> None:
    assert (followers(DECAYED, setup("next", 11, **changes)) == ["next"]) is counts


def test_a_part_that_was_met_before_may_stay() -> None:
    before = {"weight_decay": "0", "optimizer": "AdamW"}
    assert follows(DECAYED, before, {**before, "weight_decay": "0.1"})
    assert not follows(DECAYED, before, before)


def test_a_limit_that_was_not_there_counts() -> None:
    assert followers(CLIPPED, setup("clipped", 11, max_grad_norm="5")) == ["clipped"]


def test_spellings_of_a_word_are_one() -> None:
    assert follows(LEAKY, {"activation": "relu"}, {"activation": "LeakyReLU"})
    assert not follows(LEAKY, {"activation": "leaky_relu"}, {"activation": "LeakyReLU"})


@pytest.mark.parametrize(
    ("change", "current", "name"),
    [
        (Change("learning_rate", 0.1, "multiply"), None, "lower learning_rate"),
        (Change("learning_rate", 0.1), "1.0", "lower learning_rate"),
        (Change("hidden_layers", 1.0, "add"), None, "raise hidden_layers"),
        (Change("weight_decay", 0.1), None, "raise weight_decay"),
        (Change("clip_norm", 1.0), None, "set clip_norm"),
        (Change("zero_grad", True), None, "set zero_grad to true"),
    ],
)
def test_a_remedy_is_named_without_its_value(
    change: Change, current: str | None, name: str
) -> None:
    texts = ("x", "", "", "", "", "")
    assert remedy_of(Prescription(change.parameter, current, *texts, (change,))) == name


def test_a_later_run_counts_once_against_the_run_of_its_seed() -> None:
    runs = [setup("one", 1), setup("two", 2, seed="2"), setup("after", 3, lr="0.1")]
    setups = Setups(runs)
    found = pairs_of(setups, {one: diagnosis(SLOWER) for one in ("one", "two")})
    assert {(one.before, one.after) for one in found} == {("one", "after")}
    assert {one.rule for one in found} == {"outer", "inner"}
    assert [setups.has_candidates(one) for one in ("one", "two", "after")] == [True, True, False]


def test_the_last_run_before_is_the_partner_where_seeds_do_not_tell() -> None:
    setups = Setups(
        [setup("one", 1, seed="7"), setup("two", 2, seed="8"), setup("after", 3, lr="0.1")]
    )
    found = pairs_of(setups, {one: diagnosis(SLOWER) for one in ("two", "one")})
    assert {one.before for one in found} == {"two"}
