"""TG108: training improves while validation stays where an untrained model would be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.chance import reference_level
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory
from tuneguard.prescriptions.data_split import compare_splits, validate_on_training_data
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.robust import usual_gap
from tuneguard.statistics.splits import MeasuredCourse, quality, training_loss, validation_loss

_FEWEST_STEPS = 50
_NEAR_CHANCE = (0.9, 1.2)


@dataclass(frozen=True)
class NoGeneralization(Rule):
    """Training improves while validation never gets better than an untrained model.

    What it detects:
        A training loss that clearly falls, and a validation that stays at chance level, or gets
        worse without ever having been better: labels that were shuffled, or splits that do not
        fit together.

    Why it matters:
        All that is learned is the training set by heart. No regularisation helps against it: the
        fault is in the data or in how it is loaded.

    How it decides:
        The training loss ended ``min_gain`` standard deviations below its start, and below the
        loss of an untrained model: to come down from a blow-up is no learning. Losses that did
        not stay finite are not judged. The best
        validation loss is below the loss of an untrained model by at most ``max_share`` of what
        training gained; that is chance level (``ln C``) where the number of classes is known and
        training began there, else the first training loss of a run that was recorded from the
        first steps on. A validation accuracy must agree: over the second half of the run, its
        median is above chance by at most ``max_skill`` of the way from chance to 1. Where the
        classes are not declared, a first validation whose loss and accuracy are both those of a
        uniform guess tells their number. Overfitting differs: there, validation improved first.

    When it is wrong:
        Some tasks are memorised long before they are understood (grokking). A validation set of
        a rare kind of sample may stay at chance while others improve.

    References:
        Zhang et al. (2017), Understanding Deep Learning Requires Rethinking Generalization.
        Power et al. (2022), Grokking.
    """

    id: ClassVar[str] = "TG108"
    name: ClassVar[str] = "no-generalization"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=5),
    )
    explains: ClassVar[frozenset[str]] = frozenset(
        {"overfitting", "overconfidence", "wasted-epochs", "noisy-validation"}
    )

    min_gain: float = 4.0
    max_share: float = 0.05
    max_skill: float = 0.1

    def check(self, history: RunHistory) -> Outcome:
        """Hold validation against a model that has learned nothing."""
        training, loss = training_loss(history), validation_loss(history)
        metric = quality(history, "validation")
        accuracy = metric if metric is not None and "acc" in metric.name else None
        validation = loss or accuracy
        if training is None or validation is None:
            return self.abstained(
                "too few validations", "validate at least a dozen times, with on_validation_end"
            )
        if not all(_is_finite(one) for one in (training, validation)):
            return self.abstained("the losses did not stay finite: what followed is no evidence")
        classes = _classes(history, loss, accuracy)
        untrained = _untrained_loss(history, training, validation, classes)
        evidence = [self._learned(training, untrained)]
        if loss is not None and untrained is not None:
            evidence.append(self._share(loss, training, untrained))
        if accuracy is not None and classes is not None:
            evidence.append(self._skill(accuracy, classes))
        if len(evidence) == 1:
            return self.abstained(
                "nobody knows where an untrained model would be",
                "record train/loss from the first step on, and pass num_classes",
            )
        is_stuck = all(one.value <= one.threshold for one in evidence[1:])
        if evidence[0].value < evidence[0].threshold or not is_stuck:
            return self.passed(*evidence)
        return self._report(training, validation, tuple(evidence), untrained)

    def _learned(self, training: MeasuredCourse, untrained: float | None) -> Evidence:
        curve = training.curve
        start = curve.start if untrained is None else min(curve.start, untrained)
        spread = max(curve.level_noise, curve.gain_noise, 1e-12 * max(abs(curve.start), 1e-300))
        return Evidence(
            training.series.key,
            "end below its start or an untrained model, in standard deviations",
            (start - curve.end) / spread,
            self.min_gain,
            training.series.span,
        )

    def _share(self, loss: MeasuredCourse, training: MeasuredCourse, untrained: float) -> Evidence:
        curve = training.curve
        gained = max(min(curve.start, untrained) - curve.best, 1e-300)
        return Evidence(
            loss.series.key,
            "best below an untrained model, as a share of what training gained",
            (untrained - float(loss.curve.levels.min())) / gained,
            self.max_share,
            loss.series.span,
        )

    def _skill(self, accuracy: MeasuredCourse, classes: int) -> Evidence:
        series = accuracy.series.finite()
        half = series.values[len(series) // 2 :]
        unit = 100.0 if float(np.max(series.values)) > 1.5 else 1.0
        chance = 1.0 / classes
        return Evidence(
            series.key,
            "median of the second half above chance, as a share of the way to 1",
            (float(np.median(half)) / unit - chance) / (1.0 - chance),
            self.max_skill,
            (float(series.steps[len(series) // 2]), float(series.steps[-1])),
        )

    def _report(
        self,
        training: MeasuredCourse,
        validation: MeasuredCourse,
        evidence: tuple[Evidence, ...],
        untrained: float | None,
    ) -> Finding:
        unit, last = validation.series.axis.value, float(validation.series.steps[-1])
        is_loss = validation.name == "loss"
        return self.found(
            f"Training loss fell from {training.curve.start:.4g} to {training.curve.end:.4g}, "
            f"while validation {validation.name} never got better than an untrained model's "
            f"(best {validation.best:.4g} up to {unit} {last:g}).",
            "What was learned says nothing about data that was not seen.",
            evidence,
            confidence=0.9 if len(evidence) == 3 else 0.7,
            prescriptions=(validate_on_training_data(), compare_splits()),
            view=View(
                (validation.series.key, *((training.series.key,) if is_loss else ())),
                span=validation.series.span,
                threshold=untrained if is_loss else None,
            ),
        )


def _is_finite(one: MeasuredCourse) -> bool:
    return len(one.series.finite()) == len(one.series)


def _classes(
    history: RunHistory, loss: MeasuredCourse | None, accuracy: MeasuredCourse | None
) -> int | None:
    """Return the number of classes, as declared or as a first validation at chance tells it."""
    known = history.hyperparameters
    declared = known.num_classes or (known.output_units if accuracy is not None else None)
    if declared and declared >= 2:
        return int(declared)
    if loss is None or accuracy is None or known.task not in {None, "classification"}:
        return None
    first, hits = float(loss.curve.levels[0]), abs(float(accuracy.curve.levels[0]))
    if not 0.6 <= first <= 12.0:
        return None
    count = max(2, round(math.exp(first)))
    low, high = _NEAR_CHANCE
    is_chance = abs(first / math.log(count) - 1.0) <= 0.02 and low <= hits * count <= high
    return count if is_chance else None


def _untrained_loss(
    history: RunHistory, training: MeasuredCourse, validation: MeasuredCourse, classes: int | None
) -> float | None:
    """Return the loss of an untrained model: that of chance, or the first one of the run."""
    reference, start = reference_level(history), training.curve.start
    if reference is not None and reference.kind == "chance":
        return reference.level
    if classes is not None and 0.8 <= start / math.log(classes) <= _NEAR_CHANCE[1]:
        return math.log(classes)
    series = training.series.finite()
    is_every_step = series.axis is Axis.STEP and usual_gap(series.steps) <= 1.0
    is_often = len(series) >= max(_FEWEST_STEPS, 3 * len(validation.series))
    return start if is_every_step and is_often and float(series.steps[0]) <= 1.0 else None
