import pytest

pytest.importorskip("tomllib")

from benchmarks.error_rates import figures
from benchmarks.error_rates.outcomes import Standing
from benchmarks.error_rates.shares import Share
from tests.benchmarks.error_rates.rows_by_hand import CONSEQUENCE, RIGHT, WRONG, row


def counted(share: Share) -> tuple[int, int]:
    return share.hit, share.tried


def test_a_fault_is_named_by_any_alarm_and_named_first_by_the_first():
    rows = [
        row(Standing.MANIFEST, RIGHT),
        row(Standing.MANIFEST, CONSEQUENCE, RIGHT),
        row(Standing.MANIFEST, WRONG),
        row(Standing.MANIFEST),
    ]

    found = figures.rates(rows, "recorded")

    assert counted(found.named) == (2, 4)
    assert counted(found.named_first) == (1, 4)


def test_what_follows_from_a_fault_is_no_wrong_cause_and_silence_is_none():
    rows = [
        row(Standing.MANIFEST, CONSEQUENCE),
        row(Standing.MANIFEST, WRONG, RIGHT),
        row(Standing.MANIFEST),
    ]

    assert counted(figures.rates(rows, "recorded").wrong_cause) == (1, 3)
    assert counted(figures.wrong_cause_of(rows, "recorded", WRONG)) == (1, 3)
    assert counted(figures.wrong_cause_of(rows, "recorded", CONSEQUENCE)) == (0, 0)


def test_false_alarms_are_counted_on_runs_that_ended_healthy_alone():
    rows = [
        row(Standing.HEALTHY, WRONG),
        row(Standing.HEALTHY),
        row(Standing.UNHEALTHY, WRONG),
        row(Standing.UNMANIFEST, WRONG),
    ]

    assert counted(figures.rates(rows, "recorded").false_alarms) == (1, 2)
    assert counted(figures.false_alarms_of(rows, "recorded", WRONG)) == (1, 2)
    assert counted(figures.called(rows, "recorded", ["healthy"])) == (1, 2)
    assert counted(figures.silent(rows, "recorded")) == (0, 1)


def test_an_alarm_of_another_tool_counts_for_all_that_it_may_mean():
    said = {"tool": ((WRONG, RIGHT),), "mute": ((),)}
    rows = [row(Standing.MANIFEST, compared=said), row(Standing.HEALTHY, compared=said)]

    found = figures.rates(rows, "tool")

    assert counted(found.named_first) == (1, 1)
    assert counted(found.wrong_cause) == (0, 1)
    assert counted(figures.rates(rows, "mute").false_alarms) == (1, 1)


def test_the_delay_runs_from_the_onset_to_the_first_right_alarm():
    rows = [
        row(Standing.MANIFEST, live=((WRONG, 0.1), (RIGHT, 0.75)), onset=0.5),
        row(Standing.MANIFEST, live=((WRONG, 0.1),)),
        row(Standing.UNMANIFEST, live=((RIGHT, 0.1),)),
    ]

    assert figures.delays(rows) == [0.25]
    assert figures.delays(rows, WRONG) == []


def test_the_first_alarm_of_each_kind_of_fault_is_counted():
    rows = [row(Standing.MANIFEST, RIGHT, WRONG), row(Standing.MANIFEST)]

    found = figures.confusion(rows, "recorded")

    assert found == {"learning_rate_too_high": {RIGHT: 1, figures.NOTHING: 1}}


def test_a_bootstrap_over_programs_is_wider_where_programs_differ():
    alike = Share({"cnn": 5, "gru": 5, "lstm": 5}, {"cnn": 10, "gru": 10, "lstm": 10})
    apart = Share({"cnn": 10, "gru": 5, "lstm": 0}, {"cnn": 10, "gru": 10, "lstm": 10})

    assert alike.wilson() == apart.wilson()
    assert alike.over_programs() == (0.5, 0.5)
    low, high = apart.over_programs()
    assert low < apart.wilson()[0] < apart.wilson()[1] < high


def test_one_program_says_nothing_of_others():
    assert Share({"cnn": 5}, {"cnn": 10}).over_programs() == (0.0, 1.0)
