"""TG102: training itself stopped improving far from what is attainable."""

from __future__ import annotations

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
from tuneguard.shortfall import (
    evenness,
    gap_to_validation,
    late_validations,
    level_of_knowing_nothing,
)
from tuneguard.statistics.curve import Curve, course

_USUAL_DECAY = 0.1


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
        ``min_kept_up`` of its first row, no longer falling by ``max_progress_held`` of its way
        in the last half, and of the way from that row down to the validation loss, which is
        measured without it, at least ``min_regularised`` was kept from training; that is at least
        ``min_apart`` of the first row. Or every sample gets the same answer, which no labels make
        a model do: training stays above ``min_level_single`` of chance level, ``min_same`` of the
        later validations have one of two scores (for a regression an ``R²`` of 0), and their loss
        moves by ``min_moved`` to ``max_moved`` of itself, falling by ``max_fell`` at most. Steps
        too long lead there as well, but by an upheaval: no row is above ``max_peak`` times those.

    When it is wrong:
        Labels that people confuse have a loss that no model can go below, and errors that are not
        spread evenly. A small model on such data is called too small. So is an autoencoder with
        a waist of two units on purpose. In rows, dead units leave a single answer as well.

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
    min_level_single: float = 0.93
    min_same: float = 0.7
    min_moved: float = 1e-4
    max_moved: float = 0.03
    max_fell: float = 0.003
    max_peak: float = 1.1

    def check(self, history: RunHistory) -> Outcome:
        """Look at where the training loss settled, and why."""
        loss = history.get(Role.TRAIN_LOSS)
        is_of_rows = loss is not None and loss.axis is Axis.EPOCH
        if loss is not None and not is_of_rows and loss.is_finite.sum() < self.min_points:
            return self.abstained(f"fewer than {self.min_points} losses were recorded")
        found = None
        if is_of_rows and not history.is_running:
            found = self._kept_up(history) or self._single_answer(history)
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
        gap, even = (
            gap_to_validation(history, curve, self.max_gap),
            evenness(history, reference, self.max_evenness),
        )
        evidence = (level, progress, *(one for one in (gap, even, narrow) if one is not None))
        is_stuck = level.value >= level.threshold and progress.value <= progress.threshold
        if not is_stuck or (gap is not None and gap.value > gap.threshold):
            return self.passed(*evidence)
        is_even = even is not None and even.value > even.threshold
        reasons = held + ([larger_model(history, 8)] if narrow is not None else [])
        if not is_even:
            reasons = reasons or self._too_small(history)
        if not reasons and (is_even or level.value < self.min_level_alone):
            return self.passed(*evidence)
        proof = tuple(one for one in evidence if one is not even or not is_even)
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
        if first <= 0.0 or fell > self.max_progress_held * max(first - curve.end, 0.0):
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

    def _single_answer(self, history: RunHistory) -> Finding | None:
        """Find rows in which every sample gets the same answer, and no upheaval led there."""
        loss, found = history.get(Role.TRAIN_LOSS), late_validations(history)
        if loss is None or found is None:
            return None
        rows, key = found.rows, found.losses.key
        half = (float(found.losses.steps[rows.first]), float(found.losses.steps[rows.last]))
        words = f"median of the later rows, as a share of {found.reference.words}"
        share, peak = found.training / found.reference.level, max(rows.peak, found.peak)
        at_least = (
            Evidence(loss.key, words, share, self.min_level_single, half),
            Evidence(key, "share of rows with one of two scores", rows.same, self.min_same, half),
        )
        of_itself = "of the later losses, as a share of themselves"
        at_most = (
            Evidence(key, f"range {of_itself}", rows.moved, self.max_moved, half),
            Evidence(key, f"fall {of_itself}", rows.fell, self.max_fell, half),
            Evidence(key, "highest loss over the later ones", peak, self.max_peak, half),
        )
        is_single = all(one.value >= one.threshold for one in at_least)
        is_calm = all(one.value <= one.threshold for one in at_most)
        if rows.moved <= self.min_moved or not is_single or not is_calm:
            return None
        decay = history.hyperparameters.weight_decay or _USUAL_DECAY
        reasons = (less_weight_decay(history, min(0.01, rounded(decay / 10.0))),)
        return self.found(
            f"From {loss.axis.value} {half[0]:g} on every sample got the same answer: "
            f"{rows.same:.0%} of the validations have one of two scores, {rows.score:.4g} mostly, "
            f"while training stayed at {share:.0%} of chance level, without any upheaval.",
            "No labels do that to a model: something keeps it from telling samples apart.",
            (*at_least, *at_most),
            confidence=0.6,
            prescriptions=for_a_poor_fit(history, reasons),
            view=View((loss.key, key), span=half),
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
