"""The rules, one a file; `BUILTIN_RULES` lists them all."""

from tuneguard.rule import Rule
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

BUILTIN_RULES: tuple[type[Rule], ...] = (
    Overfitting,
    Underfitting,
    Overconfidence,
    ValidationLeak,
    NoisyValidation,
    StoppedTooEarly,
    WastedEpochs,
    NoGeneralization,
    ExplodingGradients,
    VanishingGradients,
    DeadUnits,
    SaturatedUnits,
    FrozenParameters,
    ClippingSaturated,
    LearningRateOscillation,
    LearningRateTooHigh,
    LearningRateTooLow,
    LossPlateau,
    ScheduleFault,
    UpdateRatioOutOfBand,
    BatchSize,
    WeightDecayOverwhelming,
    NonFiniteValues,
    Divergence,
    LossSpikes,
    NoLearning,
    BadInitialLoss,
    MissingZeroGrad,
    LossScaleCollapse,
    InputScale,
    OutputLossMismatch,
    InputBound,
    AcceleratorUnderused,
    MemoryGrowth,
    RankSkew,
)

__all__ = ["BUILTIN_RULES"]
