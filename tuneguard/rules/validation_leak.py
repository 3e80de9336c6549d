"""TG104: validation samples are trained on, or validation is better than training could be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.chance import reference_level
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.data_split import compare_splits, find_shared_samples
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.robust import noise_scale
from tuneguard.statistics.split_overlap import SplitOverlap

FloatArray = NDArray[np.float64]

_FEWEST = 8
_FEWEST_VALIDATED, _FEWEST_EXAMINED = 20, 50
_FOR_LOSSES = (
    Requirement((Role.VALIDATION_LOSS,), min_points=_FEWEST),
    Requirement((Role.TRAIN_LOSS, Role.TRAIN_EVALUATION_LOSS), min_points=_FEWEST),
)
_ADVICE = (
    "iterate over guard.batches and guard.validation_batches, or log a training loss in "
    "evaluation mode as train_eval/loss"
)
_COUNTS = (
    keys.VALIDATION_SAMPLES,
    keys.REPEATED_VALIDATION_SAMPLES,
    keys.EXAMINED_SAMPLES,
    keys.DISTINCT_EXAMINED_SAMPLES,
    keys.REPEATED_EXAMINED_SAMPLES,
    keys.SHARED_EXAMINED_SAMPLES,
    keys.SHARED_VALIDATION_SAMPLES,
)


@dataclass(frozen=True)
class ValidationLeak(Rule):
    """Validation samples are trained on, or validation is better than training could make it.

    What it detects:
        Samples that are in both splits. Where samples were not compared, a validation loss that
        ends far below the training loss of the same steps, although both are measured alike: an
        input that gives the label away, or samples that were seen.

    Why it matters:
        Nothing that is chosen by this validation is chosen rightly, and the model will be worse
        in use than every figure says.

    How it decides:
        Where the loop hands its data through ``guard.batches`` and ``guard.validation_batches``,
        by fingerprints of their inputs. At least ``min_samples`` different validation samples,
        and a share of ``min_share`` of all of them, were met among those that are trained on;
        the share is scaled up where it is known which part of the training set was examined.
        And that is ``min_ratio`` times what such data repeat by themselves, and more than by
        chance: discrete data have equal samples within a split as well. The share of training
        samples found in validation is held against the share of validation samples that equal
        another one of them; and the share of validation samples found in training against the
        share of training samples that equal another one. One of both has to exceed, by the
        bounds of 99.9 % of either share.

        Without fingerprints, by the losses. Training must be measured like validation: by a
        training loss in evaluation mode, or of a model that is known to have no dropout. In each
        of the last ``persistence`` of at least 8 validations the validation loss is below the
        training loss of the same time (for averages over an epoch: of the epoch after it) by
        ``min_noise`` standard deviations of the difference, and below ``max_share`` of what noisy
        training labels would explain. That is the loss on clean labels, ``-ln(1 - p)``, of a
        model that fits labels of which a share ``p`` is wrong, with ``p`` chosen so that its
        training loss, ``H(p) + p ln(C - 1)``, is the measured one. It needs a cross-entropy in
        nats and the number of classes.

    When it is wrong:
        Fingerprints tell equal inputs only: training samples that are augmented before they are
        handed over, near copies, and samples of one patient or one video in both splits are not
        found. Where every possible input is validated on, as with a truth table, validation
        samples are trained on and nothing is wrong. Losses mislead where augmentation that
        nobody recorded makes training much harder than validation, or the training set was
        resampled towards hard samples.

    References:
        Kaufman et al. (2012), Leakage in Data Mining; Clopper and Pearson (1934), The Use of
        Confidence or Fiducial Limits Illustrated in the Case of the Binomial.
    """

    id: ClassVar[str] = "TG104"
    name: ClassVar[str] = "validation-leak"
    default_severity: ClassVar[Severity] = Severity.WARNING

    persistence: int = 4
    min_noise: float = 4.0
    max_share: float = 0.4
    min_samples: int = 5
    min_share: float = 0.005
    min_ratio: float = 3.0

    def check(self, history: RunHistory) -> Outcome:
        """Look at fingerprints where there are any, else compare both losses."""
        overlaps = _overlaps(history)
        return self._count(history, overlaps) if overlaps else self._compare_losses(history)

    def _count(self, history: RunHistory, overlaps: Mapping[float, SplitOverlap]) -> Outcome:
        *_, last = overlaps.values()
        window = min(overlaps), max(overlaps)
        known = history.hyperparameters.train_samples or last.distinct_examined
        share = min(last.share * max(known / last.distinct_examined, 1.0), 1.0)
        excess = max(one.excess(self.min_ratio) for one in overlaps.values())
        found = f"validation samples that were trained on, of {last.validated:g} compared with "
        found += f"{last.examined:g} training samples"
        key = keys.SHARED_VALIDATION_SAMPLES
        evidence = (
            Evidence(key, found, last.shared_validated, self.min_samples, window),
            Evidence(
                key, "share of validation that such samples make up", share, self.min_share, window
            ),
            Evidence(key, "excess over what equals another by itself", excess, 1.0, window),
        )
        if any(one.value < one.threshold for one in evidence):
            return self.passed(*evidence)
        return self.found(
            f"{last.shared_validated:g} of {last.validated:g} validation samples were trained "
            f"on, by fingerprints of {last.examined:g} training samples: such data repeat "
            "themselves far less often.",
            "Validation tells how well they are known by heart, and not how good the model is.",
            evidence,
            confidence=0.98,
            prescriptions=(find_shared_samples(last.shared_validated, last.validated),),
            view=View((key, keys.VALIDATION_SAMPLES), span=window),
        )

    def _compare_losses(self, history: RunHistory) -> Outcome:
        for requirement in _FOR_LOSSES:
            if (missing := requirement.missing_from(history)) is not None:
                return self.abstained(missing, _ADVICE)
        training, classes = _comparable(history), _classes(history)
        validation = history.get(Role.VALIDATION_LOSS)
        if training is None or validation is None:
            return self.abstained("dropout or augmentation may explain the difference", _ADVICE)
        if classes is None:
            return self.abstained("the number of classes is not known", "pass num_classes")
        validation = validation.finite()
        trained = _at_the_time_of(validation, training) / _unit(history, classes)
        both = np.isfinite(trained)
        if int(both.sum()) < _FEWEST or not _is_cross_entropy(trained[both], classes):
            return self.abstained("the losses are not cross-entropies of the same steps", _ADVICE)
        validation = replace(validation, values=validation.values / _unit(history, classes))
        return self._compare(validation.where(both), training, trained[both], classes)

    def _compare(
        self, validation: Series, training: Series, trained: FloatArray, classes: int
    ) -> Outcome:
        gaps, tail = trained - validation.values, slice(-self.persistence, None)
        explained = _clean_loss(trained, classes)
        spread = max(noise_scale(gaps[len(gaps) // 2 :]), 1e-9)
        window = (float(validation.steps[-self.persistence]), float(validation.steps[-1]))
        evidence = (
            Evidence(
                validation.key,
                "least of the last distances below training, in standard deviations",
                float(gaps[tail].min()) / spread,
                self.min_noise,
                window,
            ),
            Evidence(
                validation.key,
                "highest of the last losses, over what noisy labels would explain",
                float((validation.values / np.maximum(explained, 1e-12))[tail].max()),
                self.max_share,
                window,
            ),
        )
        if evidence[0].value < self.min_noise or evidence[1].value > self.max_share:
            return self.passed(*evidence)
        return self._report(validation, training, trained, evidence)

    def _report(
        self,
        validation: Series,
        training: Series,
        trained: FloatArray,
        evidence: tuple[Evidence, ...],
    ) -> Finding:
        unit, last = validation.axis.value, float(validation.steps[-1])
        return self.found(
            f"Validation loss ended at {validation.values[-1]:.3g} by {unit} {last:g}, where the "
            f"training loss was {trained[-1]:.3g}: lower than dropout or noisy labels explain.",
            "The model will be worse in use than its validation says.",
            evidence,
            confidence=0.7,
            prescriptions=(find_shared_samples(), compare_splits()),
            view=View((validation.key, training.key), span=evidence[0].steps),
        )


def _overlaps(history: RunHistory) -> dict[float, SplitOverlap]:
    """Return what was counted of fingerprints by step, where there are enough of them."""
    if any(key not in history.series for key in _COUNTS):
        return {}
    columns = [history.series[key].finite() for key in _COUNTS]
    steps = reduce(np.intersect1d, [one.steps for one in columns])
    table = np.stack([one.values[np.searchsorted(one.steps, steps)] for one in columns], axis=1)
    found = {
        float(step): SplitOverlap(*map(float, row)) for step, row in zip(steps, table, strict=True)
    }
    return {
        step: one
        for step, one in found.items()
        if one.is_possible
        and one.validated >= _FEWEST_VALIDATED
        and one.distinct_examined >= _FEWEST_EXAMINED
    }


def _comparable(history: RunHistory) -> Series | None:
    """Return a training loss that is measured like validation, or `None`."""
    evaluated = history.get(Role.TRAIN_EVALUATION_LOSS)
    if evaluated is not None:
        return evaluated.finite()
    known = history.hyperparameters
    counted = known.names.get("parameter_count", "")
    was_inspected = counted.startswith(keys.PREFIX) or (counted and history.source == "record")
    has_none = known.dropout == 0.0 or (known.dropout is None and was_inspected)
    series = history.get(Role.TRAIN_LOSS)
    is_augmented = any("aug" in name.lower() for name in history.params)
    return series.finite() if series is not None and has_none and not is_augmented else None


def _classes(history: RunHistory) -> int | None:
    known = history.hyperparameters
    has_accuracy = any("acc" in metric.name for metric in history.metrics)
    is_classification = known.task == "classification" or (known.task is None and has_accuracy)
    count = known.num_classes or (known.output_units if is_classification else None)
    return int(count) if count is not None and count >= 2 else None


def _unit(history: RunHistory, classes: int) -> float:
    """Return the unit of the loss: 1 where it is a mean in nats."""
    reference = reference_level(history)
    is_chance = reference is not None and reference.kind == "chance"
    return reference.level / math.log(classes) if is_chance and reference is not None else 1.0


def _is_cross_entropy(trained: FloatArray, classes: int) -> bool:
    """Whether these losses may be cross-entropies: positive, and near chance at most."""
    return bool((trained > 0.0).all() and float(trained.max()) <= 1.5 * math.log(classes))


def _at_the_time_of(validation: Series, training: Series) -> FloatArray:
    """Return the training loss that belongs to each validation; NaN where there is none.

    Of a training loss at every step it is the median around the validation; of one that is
    averaged between validations, the next average, whose models are the later ones.
    """
    if len(training) >= 4 * len(validation):
        reach = max(2, len(training) // (4 * len(validation)))
        centres = np.searchsorted(training.positions, validation.positions)
        windows = [training.values[max(0, at - reach) : at + reach] for at in centres]
        return np.array([np.median(one) if len(one) else np.nan for one in windows])
    if training.axis is Axis.EPOCH or len(training) <= 2 * len(validation):
        ahead = np.searchsorted(training.positions, validation.positions, side="right")
        padded = np.append(training.values, np.nan)
        return np.asarray(padded[np.minimum(ahead, len(training))])
    return np.full(len(validation), np.nan)


def _clean_loss(trained: FloatArray, classes: int) -> FloatArray:
    """Return the loss on clean labels of a model that fits noisy ones with such a loss."""
    wrong = np.linspace(0.0, 1.0 - 1.0 / classes, 400)[1:-1]
    fitted = -wrong * np.log(wrong) - (1.0 - wrong) * np.log1p(-wrong)
    fitted += wrong * math.log(max(classes - 1, 1))
    return np.asarray(-np.log1p(-np.interp(trained, fitted, wrong)))
