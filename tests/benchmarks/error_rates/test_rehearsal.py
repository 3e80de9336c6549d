import pytest

pytest.importorskip("tomllib", reason="the benchmark runs on Python 3.11 or later")

from dataclasses import replace

from benchmarks.error_rates import __main__ as command
from benchmarks.error_rates.in_memory import recording
from benchmarks.error_rates.labels import HALVES, REHEARSAL, labels
from benchmarks.error_rates.plan import (
    TWINS,
    full_plan,
    programs_of,
    quick_plan,
    rehearsal_plan,
    setup_of,
)
from benchmarks.error_rates.programs import PROGRAMS
from benchmarks.error_rates.rehearsal import REHEARSED
from benchmarks.error_rates.training import Loop

PLAN = rehearsal_plan()
FAULTY = [spec for spec in PLAN if spec.fault is not None]


def test_the_rehearsal_has_programs_of_its_own():
    assert tuple(REHEARSED) == programs_of(REHEARSAL)
    assert not set(REHEARSED) & set(PROGRAMS)
    assert all(build().program == name for name, build in REHEARSED.items())


def test_its_runs_are_in_no_plan_that_figures_are_published_of():
    published = {*full_plan(), *quick_plan()}
    assert {spec.program for spec in published} == {
        name for half in HALVES for name in programs_of(half)
    }
    assert len(set(PLAN)) == len(PLAN)
    assert {spec.program for spec in PLAN} == set(REHEARSED)


def test_all_kinds_of_fault_are_met_at_all_strengths():
    assert {spec.fault for spec in FAULTY} == set(labels())
    assert {spec.strength for spec in FAULTY} == {1, 2, 3}
    assert sum(spec.fault is None and spec.seed < TWINS for spec in PLAN) == TWINS * len(REHEARSED)


def test_every_setup_builds_and_takes_a_batch():
    inputs = {
        name: build().data(0, train=64).validation[0][:2] for name, build in REHEARSED.items()
    }
    seen = set()
    for spec in PLAN:
        kind = spec.program, spec.fault or spec.variant
        if kind in seen:
            continue
        seen.add(kind)
        setup = setup_of(spec)
        model = setup.model()
        setup.prepare(model)
        assert setup.optimizer(setup.parameters(model)).param_groups
        assert len(model(inputs[spec.program])) == 2


@pytest.mark.parametrize("program", ["uncentred", "tanh_rnn", "binary_batchnorm"])
def test_a_program_learns_from_its_first_steps_on(program):
    setup = replace(REHEARSED[program](), steps=60, validations=3)
    loop = Loop(setup, 0)
    with recording(loop, setup) as (guard, _):
        losses = loop.run(guard).test_losses
    assert losses[0] > losses[1] > losses[2]


def test_the_rehearsal_is_chosen_by_name_alone():
    both = command.chosen(command._parser().parse_args([]))
    rehearsed = command.chosen(command._parser().parse_args(["--half", "rehearsal"]))
    assert not set(both) & set(rehearsed)
    assert rehearsed == list(PLAN)
