"""How often a run is looked at, and what that costs it."""

from __future__ import annotations

from itertools import pairwise

from tuneguard.live.look_pace import LookPace


def looks_of(cost, *, hours=1.0, steps_a_second=20.0, wanted=False, first_cost=None):
    """Let a run go on, and return when it was looked at and what all looks cost."""
    pace, at, spent = LookPace(0.0), [], 0.0
    pace.is_wanted = wanted
    for second in range(int(3600 * hours)):
        step = int(second * steps_a_second)
        if pace.is_due(float(second), step):
            paid = first_cost if first_cost is not None and not at else cost
            pace.looked(float(second), step, paid)
            at.append(second)
            spent += paid
    return at, spent


def test_a_short_run_is_not_looked_at():
    assert looks_of(0.1, hours=4 / 60)[0] == []
    assert len(looks_of(0.1, hours=4 / 60, wanted=True)[0]) > 5


def test_looks_lie_ever_further_apart():
    at, _ = looks_of(0.01)
    assert at[0] == 300
    assert 10 < len(at) < 30
    assert all(after > 1.09 * before for before, after in pairwise(at))


def test_the_cost_stays_within_its_share():
    for cost in (0.05, 0.5, 5.0):
        at, spent = looks_of(cost, hours=5.0, first_cost=1.5 + cost)
        assert len(at) >= 2, cost
        assert spent <= max(0.003 * 5 * 3600, 1.5 + cost), cost


def test_who_waits_hears_sooner():
    assert looks_of(0.1, wanted=True)[0][0] == 30


def test_a_hurried_look_is_due_once():
    pace = LookPace(0.0)
    pace.hurry()
    assert pace.is_due(1.0, 10)
    pace.looked(1.0, 10, 0.1)
    assert not pace.is_due(2.0, 20)
