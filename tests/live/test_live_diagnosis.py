"""A run that is looked at while it grows."""

from __future__ import annotations

import numpy as np
import pytest

from tuneguard import RunHistory
from tuneguard.live.live_diagnosis import LiveDiagnosis

COUNT = 200


class Training:
    """A run of which a packet comes every ten seconds."""

    def __init__(self, **facts):
        self.now, self.step = 0.0, 0
        self.statuses: list[str] = []
        self.facts = facts
        self.live = LiveDiagnosis(self.history, clock=lambda: self.now)

    def history(self, memory, status):
        self.statuses.append(status)
        return RunHistory.from_series(memory.series(), axis="step", status=status, **self.facts)

    def go_on(self, losses):
        """Train on, and return what was told."""
        steps = np.arange(self.step, self.step + len(losses))
        self.step += len(losses)
        self.now += 10.0
        codes = np.zeros(len(losses), dtype=np.int32)
        self.live.take(("train/loss",), codes, steps, losses)
        return self.live.look_if_due()


def falling(packets, seed=0):
    at = np.arange(packets * COUNT)
    noise = np.random.default_rng(seed).normal(size=len(at))
    return np.split(0.3 + 2.0 * np.exp(-at / 400.0) + 0.05 * noise, packets)


def test_nothing_is_told_of_a_run_that_learns():
    run = Training()
    news = [one for one in map(run.go_on, falling(200)) if one is not None]
    assert len(news) > 8
    assert {one.found for one in news} == {()}
    assert not any(one.has_changed or one.is_hopeless for one in news)


def test_a_nan_is_told_at_once_and_once():
    run = Training()
    for losses in falling(5):
        assert run.go_on(losses) is None
    news = run.go_on(np.full(COUNT, np.nan))
    assert news is not None
    assert [one.rule for one in news.found] == ["non-finite-values"]
    assert (news.verdict, news.has_changed, news.step) == ("critical", True, 1199.0)
    later = [one for _ in range(40) if (one := run.go_on(np.full(COUNT, np.nan))) is not None]
    assert later
    assert not any(one.found for one in later)
    assert later[-1].is_hopeless
    assert [one.rule for one in later[-1].present] == ["non-finite-values"]


def test_the_end_is_looked_at_where_somebody_waits():
    for wanted in (False, True):
        run = Training()
        run.live.pace.is_wanted = wanted
        run.go_on(falling(1)[0])
        news = run.live.look_at_the_end("failed")
        assert (news is not None) == wanted
    assert run.statuses == ["failed"]


def test_without_values_there_is_no_end_to_look_at():
    run = Training()
    run.live.pace.is_wanted = True
    assert run.live.look_at_the_end("finished") is None


@pytest.mark.parametrize("wanted", [False, True])
def test_what_lasts_is_told_when_it_has_lasted(wanted):
    run = Training()
    run.live.pace.is_wanted = wanted
    told = []
    for index, losses in enumerate(falling(300)):
        climb = 0.02 * max(index - 60, 0)
        news = run.go_on(losses + climb)
        told += [(one.rule, index) for one in news.found] if news is not None else []
    assert next(rule for rule, _ in told) == "divergence"
    assert len({rule for rule, _ in told}) == len(told)
    assert told[0][1] > 60
