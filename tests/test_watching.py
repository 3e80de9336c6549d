"""The memory of somebody who watches a run: what is new, what is gone, how fast it goes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tuneguard import Diagnosis, Evidence, Finding, RunHistory, Severity
from tuneguard.watching import Watch


def finding(rule="overfitting", severity=Severity.WARNING, symptoms=()):
    evidence = Evidence("val_loss", "rise", 2.0, 1.0, (10.0, 20.0))
    return Finding(rule, "TG101", severity, "It rose.", "So what.", (evidence,), 0.9, (), symptoms)


def diagnosis(*findings):
    return Diagnosis("warning" if findings else "inconclusive", findings, (), ())


def history(steps, status="running", planned=None, **series):
    points = [(step, 1.0 / (1 + step)) for step in range(steps + 1)]
    return RunHistory.from_series(
        {"train/loss": points, **series}, axis="step", status=status, planned_steps=planned
    )


def test_what_holds_is_listed_before_what_is_gone():
    watch = Watch()
    for steps in (10, 20):
        watch.look(history(steps), diagnosis(finding("divergence")), 0.0)
    for steps in (30, 40):
        sight, events = watch.look(history(steps), diagnosis(finding("overfitting")), 1.0)
    assert [one.finding.rule for one in sight.sightings] == ["overfitting", "divergence"]
    assert {(event.what, event.sighting.finding.rule) for event in events} == {
        ("found", "overfitting"),
        ("gone", "divergence"),
    }


def test_what_does_not_last_is_not_shown():
    sight, events = Watch().look(history(10), diagnosis(finding()), 0.0)
    assert (sight.sightings, sight.first_fix, events) == ((), None, ())


def test_pace_and_time_left_are_those_of_the_last_minute():
    watch = Watch()
    watch.look(history(0, planned=1000), diagnosis(), 0.0)
    watch.look(history(100, planned=1000), diagnosis(), 100.0)
    sight, _ = watch.look(history(400, planned=1000), diagnosis(), 130.0)
    assert sight.pace == pytest.approx(10.0)
    assert sight.seconds_left == pytest.approx(60.0)


def test_a_resume_from_an_earlier_step_starts_the_pace_anew():
    watch = Watch()
    watch.look(history(400), diagnosis(), 0.0)
    assert watch.look(history(100), diagnosis(), 10.0)[0].pace is None


def test_a_run_that_ended_has_no_pace():
    watch = Watch()
    watch.look(history(0), diagnosis(), 0.0)
    sight, _ = watch.look(history(10, status="finished"), diagnosis(), 1.0)
    assert (sight.pace, sight.seconds_left, sight.status) == (None, None, "finished")


def test_traces_are_losses_metrics_norms_and_rates_ending_with_the_latest_value():
    series = {
        "val_loss": [(step, 2.0) for step in range(0, 1001, 100)],
        "val_accuracy": [(step, 0.5) for step in range(0, 1001, 100)],
        "gradient_norm/global": [(step, 1.0) for step in range(1001)],
        "learning_rate": [(0, 0.1), (1000, math.nan)],
    }
    sight, _ = Watch().look(history(1000, **series), diagnosis(), 0.0)
    assert [one.label for one in sight.traces] == [
        "training loss",
        "validation loss",
        "validation accuracy",
        "gradient norm",
        "learning rate",
    ]
    assert sight.traces[0].values[-1] == pytest.approx(1.0 / 1001.0)
    assert len(sight.traces[0].values) == 200
    assert math.isnan(sight.traces[-1].values[-1])


def test_curves_are_even_over_time_however_a_series_was_sampled():
    dense_start = [*range(200), *range(200, 1001, 100)]
    rates = [(step, 0.1 if step < 500 else 0.01) for step in dense_start]
    sight, _ = Watch().look(history(1000, learning_rate=rates), diagnosis(), 0.0)
    assert sight.traces[-1].values.count(0.1) == pytest.approx(100, abs=2)


def test_a_run_that_has_nothing_yet_can_be_looked_at():
    empty = RunHistory.from_series({}, status="running")
    sight, events = Watch().look(empty, diagnosis(), 0.0)
    assert (sight.traces, sight.step, events) == ((), 0.0, ())


def test_the_first_fix_is_that_of_the_worst_that_has_one():
    from tuneguard.findings import Prescription

    fix = Prescription("lr", "1", "0.1", "Lower it.", "", "", "", "")
    cause = replace(finding("divergence"), prescriptions=(fix,))
    sight, _ = Watch().look(history(10, "finished"), diagnosis(finding(), cause), 0.0)
    assert sight.first_fix == fix
