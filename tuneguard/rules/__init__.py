"""The rules, one a file; `BUILTIN_RULES` lists them all."""

from tuneguard.rule import Rule
from tuneguard.rules.accelerator_underused import AcceleratorUnderused
from tuneguard.rules.clipping_saturated import ClippingSaturated
from tuneguard.rules.dead_units import DeadUnits
from tuneguard.rules.divergence import Divergence
from tuneguard.rules.exploding_gradients import ExplodingGradients
from tuneguard.rules.frozen_parameters import FrozenParameters
from tuneguard.rules.input_bound import InputBound
from tuneguard.rules.learning_rate_oscillation import LearningRateOscillation
from tuneguard.rules.learning_rate_too_high import LearningRateTooHigh
from tuneguard.rules.learning_rate_too_low import LearningRateTooLow
from tuneguard.rules.memory_growth import MemoryGrowth
from tuneguard.rules.no_learning import NoLearning
from tuneguard.rules.non_finite_values import NonFiniteValues
from tuneguard.rules.overconfidence import Overconfidence
from tuneguard.rules.overfitting import Overfitting
from tuneguard.rules.rank_skew import RankSkew
from tuneguard.rules.saturated_units import SaturatedUnits
from tuneguard.rules.underfitting import Underfitting
from tuneguard.rules.update_ratio_out_of_band import UpdateRatioOutOfBand
from tuneguard.rules.vanishing_gradients import VanishingGradients
from tuneguard.rules.weight_decay_overwhelming import WeightDecayOverwhelming

BUILTIN_RULES: tuple[type[Rule], ...] = (
    Overfitting,
    Underfitting,
    Overconfidence,
    ExplodingGradients,
    VanishingGradients,
    DeadUnits,
    SaturatedUnits,
    FrozenParameters,
    ClippingSaturated,
    LearningRateOscillation,
    LearningRateTooHigh,
    LearningRateTooLow,
    UpdateRatioOutOfBand,
    WeightDecayOverwhelming,
    NonFiniteValues,
    Divergence,
    NoLearning,
    InputBound,
    AcceleratorUnderused,
    MemoryGrowth,
    RankSkew,
)

__all__ = ["BUILTIN_RULES"]
