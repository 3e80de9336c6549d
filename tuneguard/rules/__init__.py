"""The rules, one a file; `BUILTIN_RULES` lists them all."""

from tuneguard.rule import Rule
from tuneguard.rules.accelerator_underused import AcceleratorUnderused
from tuneguard.rules.divergence import Divergence
from tuneguard.rules.exploding_gradients import ExplodingGradients
from tuneguard.rules.input_bound import InputBound
from tuneguard.rules.learning_rate_oscillation import LearningRateOscillation
from tuneguard.rules.learning_rate_too_high import LearningRateTooHigh
from tuneguard.rules.memory_growth import MemoryGrowth
from tuneguard.rules.no_learning import NoLearning
from tuneguard.rules.non_finite_values import NonFiniteValues
from tuneguard.rules.overconfidence import Overconfidence
from tuneguard.rules.overfitting import Overfitting
from tuneguard.rules.rank_skew import RankSkew
from tuneguard.rules.underfitting import Underfitting
from tuneguard.rules.vanishing_gradients import VanishingGradients

BUILTIN_RULES: tuple[type[Rule], ...] = (
    Overfitting,
    Underfitting,
    Overconfidence,
    ExplodingGradients,
    VanishingGradients,
    LearningRateOscillation,
    LearningRateTooHigh,
    NonFiniteValues,
    Divergence,
    NoLearning,
    InputBound,
    AcceleratorUnderused,
    MemoryGrowth,
    RankSkew,
)

__all__ = ["BUILTIN_RULES"]
