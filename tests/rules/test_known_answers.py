"""Four questions to every rule.

Does it find its fault, does it leave healthy runs alone, does its verdict depend on the unit of
the loss, and does it prove what it says?
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from types import ModuleType

import pytest

from tuneguard.findings import Abstained, Finding
from tuneguard.history import RunHistory
from tuneguard.rule import Rule
from tuneguard.rules import BUILTIN_RULES
from tuneguard.rules.accelerator_underused import AcceleratorUnderused
from tuneguard.rules.bad_initial_loss import BadInitialLoss
from tuneguard.rules.batch_size import BatchSize
from tuneguard.rules.clipping_saturated import ClippingSaturated
from tuneguard.rules.dead_units import DeadUnits
from tuneguard.rules.divergence import Divergence
from tuneguard.rules.exploding_gradients import ExplodingGradients
from tuneguard.rules.frozen_parameters import FrozenParameters
from tuneguard.rules.input_bound import InputBound
from tuneguard.rules.input_scale import InputScale
from tuneguard.rules.learning_rate_oscillation import LearningRateOscillation
from tuneguard.rules.learning_rate_too_high import LearningRateTooHigh
from tuneguard.rules.learning_rate_too_low import LearningRateTooLow
from tuneguard.rules.loss_plateau import LossPlateau
from tuneguard.rules.loss_scale_collapse import LossScaleCollapse
from tuneguard.rules.loss_spikes import LossSpikes
from tuneguard.rules.memory_growth import MemoryGrowth
from tuneguard.rules.missing_zero_grad import MissingZeroGrad
from tuneguard.rules.no_generalization import NoGeneralization
from tuneguard.rules.no_learning import NoLearning
from tuneguard.rules.noisy_validation import NoisyValidation
from tuneguard.rules.non_finite_values import NonFiniteValues
from tuneguard.rules.output_loss_mismatch import OutputLossMismatch
from tuneguard.rules.overconfidence import Overconfidence
from tuneguard.rules.overfitting import Overfitting
from tuneguard.rules.rank_skew import RankSkew
from tuneguard.rules.saturated_units import SaturatedUnits
from tuneguard.rules.schedule_fault import ScheduleFault
from tuneguard.rules.stopped_too_early import StoppedTooEarly
from tuneguard.rules.underfitting import Underfitting
from tuneguard.rules.update_ratio_out_of_band import UpdateRatioOutOfBand
from tuneguard.rules.validation_leak import ValidationLeak
from tuneguard.rules.vanishing_gradients import VanishingGradients
from tuneguard.rules.wasted_epochs import WastedEpochs
from tuneguard.rules.weight_decay_overwhelming import WeightDecayOverwhelming

SEEDS = range(20)
WRONG = {"high": operator.ge, "low": operator.le}


@dataclass(frozen=True)
class Case:
    """A rule, the run that it is made for, and which side of each threshold is the wrong one."""

    rule: Rule
    run: str
    sides: str
    min_found: int = len(SEEDS)
    needs_positive: bool = False
    """Whether the rule holds the loss against chance level or its first value."""


CASES = [
    Case(Overfitting(), "overfitted", "high high high"),
    Case(Underfitting(), "underfitted", "high low low", needs_positive=True),
    Case(Overconfidence(), "overconfident", "high high low high"),
    Case(ValidationLeak(), "leaked", "high low", needs_positive=True),
    Case(NoisyValidation(), "jumpy", "high high low"),
    Case(StoppedTooEarly(), "ended_early", "high high high high"),
    Case(WastedEpochs(), "flat_for_long", "high high", min_found=18),
    Case(NoGeneralization(), "memorised", "high low low"),
    Case(ExplodingGradients(), "exploding", "high high"),
    Case(VanishingGradients(), "vanishing", "low high high", needs_positive=True),
    Case(DeadUnits(), "dead", "high high high", needs_positive=True),
    Case(SaturatedUnits(), "saturated", "high high", needs_positive=True),
    Case(FrozenParameters(), "frozen", "high"),
    Case(ClippingSaturated(), "clipped", "low low high", needs_positive=True),
    Case(
        LearningRateOscillation(),
        "oscillating",
        "high high high high",
        min_found=19,
        needs_positive=True,
    ),
    Case(LearningRateTooHigh(), "overshot", "high high high", needs_positive=True),
    Case(LearningRateTooLow(), "crawling", "low high high low", needs_positive=True),
    Case(LossPlateau(), "held_up", "low high high high", needs_positive=True),
    Case(ScheduleFault(), "cut_short", "low high high low", needs_positive=True),
    Case(UpdateRatioOutOfBand(), "uneven", "low"),
    Case(BatchSize(), "noisy_gradients", "high high", needs_positive=True),
    Case(WeightDecayOverwhelming(), "decayed", "low high high", needs_positive=True),
    Case(NonFiniteValues(), "not_a_number", "high high"),
    Case(Divergence(), "diverged", "high high"),
    Case(LossSpikes(), "spiked", "high high"),
    Case(NoLearning(), "unlearned", "high"),
    Case(BadInitialLoss(), "badly_begun", "high high", needs_positive=True),
    Case(MissingZeroGrad(), "piled_up", "high"),
    Case(LossScaleCollapse(), "skipping", "high"),
    Case(InputScale(), "unscaled", "high high", needs_positive=True),
    Case(OutputLossMismatch(), "softmaxed", "high high"),
    Case(InputBound(), "starved", "high high high"),
    Case(AcceleratorUnderused(), "idling", "low low low"),
    Case(MemoryGrowth(), "leaking", "high high high high high"),
    Case(RankSkew(), "skewed", "high high high"),
]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule.name)


@pytest.fixture
def found(case: Case, runs: ModuleType) -> tuple[Finding, RunHistory]:
    history = getattr(runs, case.run)(seed=0).history()
    outcome = case.rule.check(history)
    assert isinstance(outcome, Finding)
    return outcome, history


def test_every_rule_has_a_run_with_a_known_answer() -> None:
    assert [type(case.rule) for case in CASES] == list(BUILTIN_RULES)


@every_case
def test_a_rule_finds_the_fault_that_it_is_made_for(case: Case, runs: ModuleType) -> None:
    outcomes = [case.rule.check(getattr(runs, case.run)(seed).history()) for seed in SEEDS]
    assert sum(isinstance(outcome, Finding) for outcome in outcomes) >= case.min_found


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_healthy_runs_are_left_alone(rule: type[Rule], healthy_runs: list[RunHistory]) -> None:
    outcomes = [rule().check(history) for history in healthy_runs]
    assert sum(isinstance(outcome, Finding) for outcome in outcomes) <= 1  # of 300


@every_case
def test_neither_unit_nor_shift_of_the_loss_changes_a_verdict(
    case: Case, runs: ModuleType
) -> None:
    for seed in range(5):
        run = getattr(runs, case.run)(seed)
        before = type(case.rule.check(run.history()))
        for factor in (1e3, 1e-3):
            after = type(case.rule.check(run.history(factor=factor)))
            assert after is before, f"seed {seed}, loss times {factor}"
        shifted = type(case.rule.check(run.history(shift=-50.0)))
        assert shifted is (Abstained if case.needs_positive else before), f"seed {seed}, shifted"


@pytest.mark.parametrize(("factor", "shift"), [(1e3, 0.0), (1e-3, 0.0), (1.0, -50.0), (1.0, 50.0)])
def test_no_unit_makes_a_healthy_run_ill(factor: float, shift: float, runs: ModuleType) -> None:
    for seed in range(3):
        history = runs.healthy(seed).history(factor, shift)
        outcomes = [rule().check(history) for rule in BUILTIN_RULES]
        ill = [one.rule for one in outcomes if isinstance(one, Finding)]
        assert ill == [], f"seed {seed}"


@every_case
def test_evidence_lies_on_the_wrong_side_of_its_threshold(
    case: Case, found: tuple[Finding, RunHistory]
) -> None:
    evidence = found[0].evidence
    sides = case.sides.split()
    assert len(evidence) == len(sides)
    for one, side in zip(evidence, sides, strict=True):
        assert WRONG[side](one.value, one.threshold), one


@every_case
def test_evidence_lies_within_the_run(found: tuple[Finding, RunHistory]) -> None:
    finding, history = found
    for one in finding.evidence:
        steps = history.series[one.metric].steps
        assert steps[0] <= one.steps[0] <= one.steps[1] <= steps[-1], one


@every_case
def test_a_picture_shows_series_and_a_span_of_the_run(found: tuple[Finding, RunHistory]) -> None:
    finding, history = found
    view = finding.view
    assert view is not None
    assert set(view.metrics) <= set(history.series)
    assert view.span is not None
    assert 0.0 <= view.span[0] < view.span[1] <= history.last_step


@every_case
def test_prescriptions_go_from_what_was_to_something_else(
    case: Case, found: tuple[Finding, RunHistory]
) -> None:
    fixes = found[0].prescriptions
    assert fixes
    assert len({(fix.parameter, fix.suggested) for fix in fixes}) == len(fixes)
    for fix in fixes:
        assert fix.suggested != fix.current
        if [one.parameter for one in fix.changes] == ["learning_rate"]:
            assert (fix.current, float(fix.suggested) == 0.1) == ("0.1", False)
        elif fix.parameter == "learning_rate":
            assert fix.current in {"0.1", None}
        texts = (fix.action, fix.rationale, fix.tradeoff, fix.verify, fix.snippet)
        assert all(text.strip() for text in texts)
