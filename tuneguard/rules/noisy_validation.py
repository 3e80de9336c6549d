"""TG105: validation too noisy to choose a checkpoint by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Role, RunHistory
from tuneguard.prescriptions.data_split import larger_validation_set
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.robust import noise_scale
from tuneguard.statistics.splits import MeasuredCourse, training_loss, validation_loss

_TENTH = 0.1
_MOST_TIMES = 100.0


@dataclass(frozen=True)
class NoisyValidation(Rule):
    """Validation jumps about by as much as the run gained, while training is steady.

    What it detects:
        A validation loss whose successive values differ by a large part of all that was gained,
        so that its best is the luckiest validation and not the best model.

    Why it matters:
        Checkpoints, early stopping and comparisons with other runs are decided by chance.

    How it decides:
        The noise of the validation loss in the second half of the run is at least ``min_share``
        of the range that the training loss came down. Training is no cause of it: its own levels
        scatter by at most ``max_training`` of that noise, and it came down by ``min_gain``
        standard deviations of a level.

    When it is wrong:
        A model that is fine-tuned gains little on top of what it knows, and the noise looks large
        beside it.

    References:
        von Neumann (1941), Distribution of the Ratio of the Mean Square Successive Difference to
        the Variance.
        Godbole et al. (2023), Deep Learning Tuning Playbook.
    """

    id: ClassVar[str] = "TG105"
    name: ClassVar[str] = "noisy-validation"
    default_severity: ClassVar[Severity] = Severity.INFO
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.VALIDATION_LOSS,), min_points=16),
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=16),
    )

    min_share: float = 0.5
    max_training: float = 0.3
    min_gain: float = 10.0

    def check(self, history: RunHistory) -> Outcome:
        """Hold the noise of the second half against what the run gained."""
        loss, training = validation_loss(history, 16), training_loss(history, 16)
        if loss is None or training is None:
            return self.abstained("too few finite losses")
        series = loss.series.finite()
        late = series.values[len(series) // 2 :]
        noise = noise_scale(late)
        scale = training.curve.gained
        if noise <= 0.0 or scale <= 0.0:
            return self.abstained("there is no noise, or nothing that it could hide")
        window = (float(series.steps[len(series) // 2]), float(series.steps[-1]))
        share = Evidence(
            series.key,
            "noise of the second half, as a share of what training gained",
            noise / scale,
            self.min_share,
            window,
        )
        evidence = (share, *self._of_training(training, noise))
        is_noisy = evidence[0].value >= self.min_share and evidence[1].value >= self.min_gain
        if not is_noisy or evidence[2].value > self.max_training:
            return self.passed(*evidence)
        factor = min(_MOST_TIMES, float(np.ceil((noise / (_TENTH * scale)) ** 2)))
        return self.found(
            f"Successive validation losses differed by {noise:.3g} (standard deviation) from "
            f"{series.axis.value} {window[0]:g} on, while training gained {scale:.3g} in all.",
            "The best checkpoint by this loss is the luckiest one.",
            evidence,
            confidence=0.6,
            prescriptions=(larger_validation_set(factor),),
            view=View((series.key, training.series.key), span=window),
        )

    def _of_training(self, training: MeasuredCourse, noise: float) -> tuple[Evidence, Evidence]:
        """Measure how far training came, and how steadily beside the validation's noise."""
        curve, series = training.curve, training.series
        level_noise = max(curve.level_noise, 1e-12 * curve.gained)
        return (
            Evidence(
                series.key,
                "fall from its start, in standard deviations of a level",
                (curve.start - curve.end) / level_noise,
                self.min_gain,
                series.span,
            ),
            Evidence(
                series.key,
                "scatter of the training loss's levels over the noise of validation",
                float(noise_scale(curve.after(0.5)) / noise),
                self.max_training,
                series.span,
            ),
        )
