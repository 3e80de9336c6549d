from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("tomllib", reason="the benchmark runs on Python 3.11 or later")

from benchmarks.error_rates.faults import FAULTS
from benchmarks.error_rates.in_memory import recording
from benchmarks.error_rates.labels import HALVES, labels
from benchmarks.error_rates.mechanisms import MECHANISMS, mechanism_holds
from benchmarks.error_rates.plan import (
    TWINS,
    RunSpec,
    full_plan,
    programs_of,
    quick_plan,
    setup_of,
)
from benchmarks.error_rates.programs import PROGRAMS
from benchmarks.error_rates.setup import Setup
from benchmarks.error_rates.training import Ended, Loop

PLAN = full_plan()
FAULTY = [spec for spec in PLAN if spec.fault is not None]
HEALTHY = [spec for spec in PLAN if spec.fault is None]


def run(setup: Setup, seed: int = 0) -> Ended:
    loop = Loop(setup, seed)
    with recording(loop, setup) as (guard, _):
        return loop.run(guard)


def test_a_plan_names_each_run_once_and_is_always_the_same():
    assert len(set(PLAN)) == len(PLAN)
    assert full_plan() == PLAN
    assert set(quick_plan()) <= set(PLAN)


def test_there_are_as_many_healthy_runs_as_faulty_ones():
    assert 900 <= len(FAULTY) <= len(HEALTHY) <= 1500


def test_the_strengths_of_faults_are_balanced():
    strengths = Counter(spec.strength for spec in FAULTY)
    assert set(strengths) == {1, 2, 3}
    assert max(strengths.values()) < 1.1 * min(strengths.values())


def test_the_quick_plan_holds_every_program_kind_and_strength_and_most_variants():
    quick = quick_plan()
    assert {spec.program for spec in quick} == set(PROGRAMS)
    assert {spec.strength for spec in quick} == {0, 1, 2, 3}
    assert {spec.fault for spec in quick} == {None, *FAULTS}
    assert len(quick) < len(PLAN) / 8


def test_all_programs_kinds_and_mechanisms_are_those_that_the_labels_name():
    assert {name for half in HALVES for name in programs_of(half)} == set(PROGRAMS)
    assert set(FAULTS) == set(labels())
    assert set(MECHANISMS) == {kind for kind, label in labels().items() if label.mechanism}
    assert all(PROGRAMS[name]().program == name for name in PROGRAMS)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_kind_of_fault_is_met_in_programs_of_both_halves(kind):
    programs = {spec.program for spec in FAULTY if spec.fault == kind}
    assert len(programs) >= 4
    assert all(programs & set(programs_of(half)) for half in HALVES)


def test_every_setup_of_the_quick_plan_builds_and_takes_a_batch():
    inputs = {
        name: build().data(0, train=64).validation[0][:2] for name, build in PROGRAMS.items()
    }
    for spec in [spec for spec in quick_plan() if spec.seed >= TWINS]:
        setup = setup_of(spec)
        model = setup.model()
        setup.prepare(model)
        assert setup.optimizer(setup.parameters(model)).param_groups
        assert len(model(inputs[spec.program])) == 2


@pytest.mark.parametrize("program", ["mlp_relu", "cnn_batchnorm"])
def test_a_training_is_the_same_each_time(program):
    setup = replace(PROGRAMS[program](), steps=20, validations=2)
    first, second = run(setup), run(setup)
    assert first.score == second.score
    assert first.test_losses == second.test_losses


def test_what_is_measured_of_a_fault_holds_only_where_it_is_at_work():
    spec = RunSpec("regression", "missing_from_optimizer", 3, "base", 0)
    ended = run(replace(setup_of(spec), steps=20, validations=2))
    healthy = run(replace(PROGRAMS["regression"](), steps=20, validations=2))
    assert mechanism_holds(spec, ended)
    assert not mechanism_holds(spec, healthy)
    assert not mechanism_holds(replace(spec, fault="tiny_init"), ended)


def test_steps_that_a_scaler_skips_are_counted():
    spec = RunSpec("mlp_relu", "loss_scale_collapse", 2, "base", 0)
    ended = run(replace(setup_of(spec), steps=20, validations=2))
    assert 0.3 < ended.skipped < 0.9
