"""What counts from look to look, and what does not."""

from __future__ import annotations

import pytest

from tuneguard import Diagnosis, Evidence, Finding, RunHistory, Severity
from tuneguard.live import Lookout

LASTING = "non-finite-values"


def finding(rule="overfitting", severity=Severity.WARNING, symptoms=()):
    evidence = Evidence("train/loss", "rise", 2.0, 1.0, (10.0, 20.0))
    return Finding(rule, "TG101", severity, "It rose.", "So what.", (evidence,), 0.9, (), symptoms)


def looked(lookout, step, *findings, status="running", planned=None):
    """Look at a run that has come as far as `step`; say what happened to which rule."""
    history = RunHistory.from_series(
        {"train/loss": [(step, 1.0)]}, axis="step", status=status, planned_steps=planned
    )
    diagnosis = Diagnosis("warning" if findings else "inconclusive", findings, (), ())
    return [(e.what, e.sighting.finding.rule) for e in lookout.look(history, diagnosis)]


def test_a_finding_counts_when_it_lasts():
    lookout = Lookout(patience=0.1)
    assert looked(lookout, 1000, finding()) == []
    assert looked(lookout, 1050, finding()) == []
    assert looked(lookout, 1100, finding()) == [("found", "overfitting")]
    assert looked(lookout, 1300, finding()) == []
    assert [(one.seen_at, one.gone_at) for one in lookout.present] == [(1000.0, None)]


def test_what_comes_and_goes_never_counts():
    lookout = Lookout(patience=0.1)
    for step in range(1000, 9000, 150):
        findings = [finding()] if step // 150 % 2 else []
        assert looked(lookout, step, *findings) == []
    assert lookout.sightings == {}


def test_what_is_listed_does_not_flap():
    lookout = Lookout(patience=0.1)
    looked(lookout, 1000, finding())
    looked(lookout, 1200, finding())
    assert looked(lookout, 1210) == []
    assert looked(lookout, 1260, finding()) == []
    assert looked(lookout, 1300) == []
    assert looked(lookout, 1400) == []
    assert looked(lookout, 1500) == [("gone", "overfitting")]
    assert lookout.present == ()
    assert looked(lookout, 1510, finding()) == []
    assert looked(lookout, 1700, finding()) == [("back", "overfitting")]
    assert [one.seen_at for one in lookout.present] == [1000.0]


def test_what_cannot_be_undone_counts_at_once():
    assert looked(Lookout(patience=0.1), 1000, finding(LASTING)) == [("found", LASTING)]


def test_at_the_end_of_the_run_everything_counts_at_once():
    lookout = Lookout(patience=0.1)
    looked(lookout, 1000, finding())
    looked(lookout, 1200, finding())
    ended = looked(lookout, 1210, finding("divergence"), status="finished")
    assert ended == [("found", "divergence"), ("gone", "overfitting")]


def test_only_a_higher_severity_that_lasts_is_news():
    lookout = Lookout(patience=0.1)
    looked(lookout, 1000, finding())
    looked(lookout, 1200, finding())
    worse = finding(severity=Severity.CRITICAL)
    assert looked(lookout, 1300, worse) == []
    assert looked(lookout, 1310, finding()) == []
    assert looked(lookout, 1400, worse) == []
    assert looked(lookout, 1600, worse) == [("worse", "overfitting")]
    assert looked(lookout, 1700, finding()) == []


def test_symptoms_are_listed_too():
    nested = finding("divergence", symptoms=(finding("no-learning"),))
    happened = looked(Lookout(patience=0.1), 1000, nested, status="finished")
    assert happened == [("found", "divergence"), ("found", "no-learning")]


def test_a_step_back_begins_the_wait_anew():
    lookout = Lookout(patience=0.1)
    looked(lookout, 1000, finding())
    assert looked(lookout, 500, finding()) == []
    assert looked(lookout, 560, finding()) == [("found", "overfitting")]


@pytest.mark.parametrize(
    ("rule", "severity", "hopeless_at"),
    [
        (LASTING, Severity.CRITICAL, 1100.0),
        ("divergence", Severity.CRITICAL, 2000.0),
        ("divergence", Severity.WARNING, None),
        ("exploding-gradients", Severity.CRITICAL, None),
    ],
)
def test_hopeless_is_what_is_critical_and_does_not_mend(rule, severity, hopeless_at):
    lookout, first = Lookout(patience=0.1), None
    for step in range(1000, 3000, 50):
        looked(lookout, step, finding(rule, severity))
        if lookout.is_hopeless and first is None:
            first = float(step)
    assert first == hopeless_at


def test_a_run_that_mends_is_not_hopeless():
    lookout = Lookout(patience=0.1)
    for step in range(1000, 2050, 50):
        looked(lookout, step, finding("divergence", Severity.CRITICAL))
    assert lookout.is_hopeless
    looked(lookout, 2100)
    assert not lookout.is_hopeless


def test_a_standstill_is_given_twice_the_time():
    lookout = Lookout(patience=0.1)
    looked(lookout, 6000, finding("no-learning"), planned=10_000)
    assert looked(lookout, 6900, finding("no-learning"), planned=10_000) == []
    happened = looked(lookout, 7200, finding("no-learning"), planned=10_000)
    assert happened == [("found", "no-learning")]


@pytest.mark.parametrize(
    ("rule", "told_at"), [("no-learning", 5000), ("learning-rate-oscillation", 7500)]
)
def test_a_standstill_is_not_told_early_in_what_is_planned(rule: str, told_at: int):
    lookout = Lookout(patience=0.1)
    for step in range(1000, told_at, 100):
        assert looked(lookout, step, finding(rule), planned=10_000) == []
    assert looked(lookout, told_at, finding(rule), planned=10_000) == [("found", rule)]
