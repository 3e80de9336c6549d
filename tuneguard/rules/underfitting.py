"""TG102: training itself stopped improving far from what is attainable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard.chance import Reference
from tuneguard.findings import Evidence, Finding, Outcome, Prescription, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.model_layers import narrowest_width
from tuneguard.prescriptions.capacity import larger_model
from tuneguard.prescriptions.orders import for_a_poor_fit
from tuneguard.prescriptions.regularisation import less_dropout, less_weight_decay
from tuneguard.prescriptions.wording import rounded
from tuneguard.rule import Requirement, Rule
from tuneguard.shortfall import level_of_knowing_nothing
from tuneguard.statistics.curve import Curve, course

_ACCURACIES = frozenset({"acc", "accuracy", "top1"})


@dataclass(frozen=True)
class Underfitting(Rule):
    """The training loss settled far above what is attainable, and validation with it.

    What it detects:
        A training loss that stopped falling while still a large part of chance level, with a
        reason for it in the settings: too few parameters, or too much regularisation.

    Why it matters:
        More training, more data and a better schedule change nothing: the model cannot or may
        not express what the data asks for.

    How it decides:
        The loss ended above ``min_level`` of chance level, but not above ``max_level`` of it,
        where nothing was learned at all; over the last half it fell by less
        than ``max_progress`` of its range; and the gap to validation is less than ``max_gap`` of
        the range, so that it is not a matter of generalisation. Noisy labels look the same, so a
        reason must be there. Plain ones are a hidden layer of at most ``few_units``, as the
        numbers of parameters tell of a chain of linear layers, dropout above ``max_dropout``, and
        weight decay times learning rate that shrinks weights within ``shrink_steps`` steps: with
        those a run at chance level counts as well, one that still falls by
        ``max_progress_held``, and one that ended above ``min_level_plain``. Less
        plain is a model of fewer parameters than training samples (than ``few_per_class`` times
        the classes, where those are not known). Where the settings say nothing, only a loss above
        ``min_level_alone`` is called underfitting. Without a plain reason the errors must also
        confuse some classes more than others, where the validation accuracy is known: the loss is
        below ``max_evenness`` of what Fano's inequality allows at that accuracy. Labels replaced
        at random spread errors evenly and reach it.

        A record of steps is judged from ``min_points`` losses on.

        Rows of one an epoch show regularisation by what it does: the training loss settled above
        ``min_kept_up`` of its first row, no longer falling by ``max_progress_of_rows`` of its way
        in the last half, and of the way from that row down to the validation loss, which is
        measured without it, at least ``min_regularised`` was kept from training; that is at least
        ``min_apart`` of the first row.

    When it is wrong:
        Labels that people confuse have a loss that no model can go below, and errors that are not
        spread evenly. A small model on such data is called too small. So is an autoencoder with
        a waist of two units on purpose.

    References:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 5.2. Zhang et al. (2017),
        Understanding Deep Learning Requires Rethinking Generalization. Cover & Thomas (2006),
        Elements of Information Theory, theorem 2.10.1, on Fano's inequality.
    """

    id: ClassVar[str] = "TG102"
    name: ClassVar[str] = "underfitting"
    default_severity: ClassVar[Severity] = Severity.WARNING
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=10),)
    judges_learning: ClassVar[bool] = True

    min_level: float = 0.33
    min_level_plain: float = 0.2
    min_level_alone: float = 0.75
    max_level: float = 0.97
    max_progress: float = 0.15
    max_progress_held: float = 0.25
    max_gap: float = 0.35
    max_dropout: float = 0.5
    few_units: float = 8.0
    max_evenness: float = 0.93
    few_per_class: float = 40.0
    shrink_steps: int = 1000
    min_points: int = 20
    min_kept_up: float = 0.5
    min_regularised: float = 0.28
    min_apart: float = 0.06
    max_progress_of_rows: float = 0.2

    def check(self, history: RunHistory) -> Outcome:
        """Look at where the training loss settled, and why."""
        loss = history.get(Role.TRAIN_LOSS)
        is_of_rows = loss is not None and loss.axis is Axis.EPOCH
        if loss is not None and not is_of_rows and loss.is_finite.sum() < self.min_points:
            return self.abstained(f"fewer than {self.min_points} losses were recorded")
        found = self._kept_up(history) if is_of_rows and not history.is_running else None
        return found or self._against_chance(history)

    def _against_chance(self, history: RunHistory) -> Outcome:
        """Hold the level at which the loss settled against that of knowing nothing."""
        loss = history.get(Role.TRAIN_LOSS)
        curve = course(loss) if loss is not None else None
        reference = level_of_knowing_nothing(history, curve.end) if curve is not None else None
        if loss is None or curve is None or reference is None or reference.kind != "chance":
            return self.abstained(
                "chance level is not known, so nobody can say what is far from attainable",
                "pass num_classes for a classification, and record the loss from the start",
            )
        if history.is_running or len(curve.after(0.5)) == 0:
            return self.abstained("the run is still going on, or its second half is not finite")
        narrow, held = self._narrowest(history), self._regularised(history)
        is_plain = narrow is not None or bool(held)
        level = self._level(loss, curve, reference, is_plain=is_plain)
        if level.value > self.max_level and not is_plain:
            return self.abstained("nothing at all was learned, which is another matter")
        progress = self._progress(loss, curve, is_plain=is_plain)
        gap, evenness = self._gap(history, curve), self._evenness(history, reference)
        evidence = (level, progress, *(one for one in (gap, evenness, narrow) if one is not None))
        is_stuck = level.value >= level.threshold and progress.value <= progress.threshold
        if not is_stuck or (gap is not None and gap.value > gap.threshold):
            return self.passed(*evidence)
        is_even = evenness is not None and evenness.value > evenness.threshold
        reasons = held + ([larger_model(history, 8)] if narrow is not None else [])
        if not is_even:
            reasons = reasons or self._too_small(history)
        if not reasons and (is_even or level.value < self.min_level_alone):
            return self.passed(*evidence)
        proof = tuple(one for one in evidence if one is not evenness or not is_even)
        return self._report(history, loss, curve, proof, reasons)

    def _kept_up(self, history: RunHistory) -> Finding | None:
        """Find rows in which training is kept far above validation, and above its first row."""
        loss, validation = history.get(Role.TRAIN_LOSS), history.get(Role.VALIDATION_LOSS)
        curve = course(loss) if loss is not None else None
        other = course(validation) if validation is not None else None
        late = curve.after(0.5) if curve is not None else np.empty(0)
        if loss is None or validation is None or curve is None or other is None or not len(late):
            return None
        first = float(loss.finite().values[0])
        fell = float(np.median(late[: max(1, len(late) // 2)])) - curve.end
        if first <= 0.0 or fell > self.max_progress_of_rows * max(first - curve.end, 0.0):
            return None
        half = (float(loss.steps[len(loss) // 2]), float(loss.steps[-1]))
        kept = "level at the end, as a share of the first row of training"
        gap = "distance of the end below training's, as a share of "
        apart, way = curve.end - other.end, max(first - other.end, 1e-12)
        proof = (
            Evidence(loss.key, kept, curve.end / first, self.min_kept_up, half),
            Evidence(validation.key, f"{gap}all its way", apart / way, self.min_regularised, half),
            Evidence(validation.key, f"{gap}that row", apart / first, self.min_apart, half),
        )
        if curve.end >= first or any(one.value < one.threshold for one in proof):
            return None
        return self.found(
            f"Training loss settled at {proof[0].value:.0%} of its first row, while validation "
            f"loss went down to {other.end:.4g}: something that only training has keeps it up.",
            "Dropout or augmentation this strong keeps the model from what it could learn.",
            proof,
            confidence=0.6,
            prescriptions=(less_dropout(history, 0.2), larger_model(history, 4)),
            view=View((loss.key, validation.key), span=half),
        )

    def _level(
        self, loss: Series, curve: Curve, reference: Reference, *, is_plain: bool
    ) -> Evidence:
        return Evidence(
            loss.key,
            f"level at the end, as a share of {reference.words}",
            curve.end / reference.level,
            self.min_level_plain if is_plain else self.min_level,
            (float(loss.steps[len(loss) // 2]), float(loss.steps[-1])),
        )

    def _progress(self, loss: Series, curve: Curve, *, is_plain: bool) -> Evidence:
        middle = curve.after(0.5)
        quarter = max(1, len(middle) // 2)
        fell = float(np.median(middle[:quarter]) - np.median(middle[-quarter:]))
        return Evidence(
            loss.key,
            "fall over the last half, as a share of the range it came down",
            fell / max(curve.gained, 1e-12),
            self.max_progress_held if is_plain else self.max_progress,
            (float(loss.steps[len(loss) // 2]), float(loss.steps[-1])),
        )

    def _narrowest(self, history: RunHistory) -> Evidence | None:
        """Return the width of the narrowest hidden layer, where it leaves hardly any room."""
        width, loss = narrowest_width(history), history.roles[Role.TRAIN_LOSS]
        if width is None or width > self.few_units:
            return None
        words = "units in the narrowest hidden layer"
        return Evidence(loss, words, float(width), self.few_units, history.series[loss].span)

    def _gap(self, history: RunHistory, curve: Curve) -> Evidence | None:
        validation = history.get(Role.VALIDATION_LOSS)
        other = course(validation) if validation is not None else None
        if validation is None or other is None or curve.gained <= 0.0:
            return None
        return Evidence(
            validation.key,
            "gap between validation and training loss, as a share of the range",
            (other.end - curve.end) / curve.gained,
            self.max_gap,
            (float(validation.steps[-1]), float(validation.steps[-1])),
        )

    def _evenness(self, history: RunHistory, reference: Reference) -> Evidence | None:
        """Hold the validation loss against the highest that its accuracy allows."""
        known = history.hyperparameters
        classes = known.num_classes or known.output_units
        validation = history.get(Role.VALIDATION_LOSS)
        loss = validation.finite() if validation is not None else None
        accuracy = next(
            (
                history.series[metric.key].finite()
                for metric in history.metrics
                if metric.split == "validation" and metric.name in _ACCURACIES
            ),
            None,
        )
        if loss is None or accuracy is None or not classes or min(len(loss), len(accuracy)) < 5:
            return None
        right = float(np.median(accuracy.values[-5:]))
        if not 0.0 < right < 1.0:
            return None
        wrong = 1.0 - right
        even = -right * math.log(right) - wrong * math.log(wrong / max(classes - 1.0, 1.0))
        level = float(np.median(loss.values[-5:])) / reference.level * math.log(classes)
        return Evidence(
            loss.key,
            "validation loss over that of errors spread evenly over the classes",
            level / even,
            self.max_evenness,
            (float(loss.steps[-5]), float(loss.steps[-1])),
        )

    def _regularised(self, history: RunHistory) -> list[Prescription]:
        """Return what the settings say keeps the model down, as the change that removes it."""
        known = history.hyperparameters
        fixes: list[Prescription] = []
        rate, decay = known.learning_rate, known.weight_decay
        if rate and decay and rate * decay * self.shrink_steps >= 1.0:
            fixes.append(less_weight_decay(history, min(0.01, rounded(decay / 10.0))))
        if known.dropout is not None and known.dropout > self.max_dropout:
            fixes.append(less_dropout(history, 0.2))
        return fixes

    def _too_small(self, history: RunHistory) -> list[Prescription]:
        """Return the change to a larger model where the settings say that it is too small."""
        known = history.hyperparameters
        count, samples = known.parameter_count, known.train_samples
        if samples is None:
            classes = known.num_classes or known.output_units
            samples = self.few_per_class * classes if classes is not None else None
        is_small = count is not None and samples is not None and count < samples
        return [larger_model(history, 8)] if is_small else []

    def _report(
        self,
        history: RunHistory,
        loss: Series,
        curve: Curve,
        evidence: tuple[Evidence, ...],
        reasons: list[Prescription],
    ) -> Outcome:
        validation = history.roles.get(Role.VALIDATION_LOSS)
        return self.found(
            f"Training loss stopped improving at {curve.end:.4g}, {evidence[0].value:.0%} of "
            f"chance level, after {loss.axis.value} {evidence[0].steps[0]:g}.",
            "More steps will not help: the model cannot express, or may not, what the data asks.",
            evidence,
            confidence=0.8 if reasons else 0.5,
            prescriptions=for_a_poor_fit(history, reasons),
            view=View(
                (loss.key, *((validation,) if validation else ())),
                span=evidence[0].steps,
                threshold=curve.end * evidence[0].threshold / evidence[0].value,
            ),
        )
