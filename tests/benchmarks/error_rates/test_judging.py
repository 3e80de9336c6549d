from dataclasses import replace

import pytest

pytest.importorskip("tomllib", reason="the benchmark runs on Python 3.11 or later")

from benchmarks.error_rates import judging
from benchmarks.error_rates.cache import Cache, Kept
from benchmarks.error_rates.in_memory import recording
from benchmarks.error_rates.judges import COMPARED, LIVE, OTHERS, judge
from benchmarks.error_rates.judging import judge_all
from benchmarks.error_rates.plan import RunSpec, setup_of
from benchmarks.error_rates.training import Loop
from tuneguard.history import Role

SPECS = [RunSpec("mlp_relu", None, 0, "base", seed) for seed in (0, 1, 2)]


@pytest.fixture(scope="module")
def trained():
    return [_trained(spec) for spec in SPECS]


def _trained(spec):
    setup = replace(setup_of(spec), steps=20, validations=2)
    loop = Loop(setup, spec.seed)
    with recording(loop, setup) as (guard, sink):
        ended = loop.run(guard)
    return Kept.of_sink(spec, sink, ended)


@pytest.fixture
def cache(trained, tmp_path):
    cache = Cache(tmp_path)
    for kept in trained:
        cache.save(kept)
    return cache


def test_what_one_judge_saw_leaves_what_the_next_one_says_as_it_is(trained):
    first, second, _ = trained
    alone = [judge(LIVE, first), judge("recorded", second)]
    judge("recorded", first)
    judge(LIVE, second)
    assert [judge(LIVE, first), judge("recorded", second)] == alone


def test_other_tools_are_asked_once_about_each_training(cache, monkeypatch):
    asked = []

    def answers(histories):
        for history in histories:
            asked.append(_first_loss(history))
            yield {"tool": [(str(asked[-1]),)]}

    monkeypatch.setattr(judging, "are_installed", lambda: True)
    monkeypatch.setattr(judging, "meanings_of_others", answers)
    judge_all(SPECS[:1], [COMPARED], cache)
    found = judge_all(SPECS, [COMPARED], cache)
    losses = [one.outcome.first_loss for one in found]
    assert asked == losses
    assert [one.said[OTHERS]["tool"][0][0] for one in found] == [str(loss) for loss in losses]


def _first_loss(history):
    return float(history.get(Role.TRAIN_LOSS).values[0])
