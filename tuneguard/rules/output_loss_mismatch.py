"""TG409: the output's activation and the loss do not fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

from tuneguard.chance import loss_and_accuracy, number_of_classes
from tuneguard.findings import Evidence, Finding, Outcome, Prescription, Severity, View
from tuneguard.history import Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_a_bounded_output
from tuneguard.prescriptions.outputs import log_of_softmax_in_one
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.softmax_twice import softmax_twice
from tuneguard.symptoms import STANDSTILL

_BOUNDS_LOGITS = {"Softmax": 1.0, "Sigmoid": 1.0, "Tanh": 2.0, "Relu": math.inf}
"""How far apart two outputs can be after each operation."""
_CONSTANT_ERROR = {"Softmax": 0.25, "Sigmoid": 0.25, "Tanh": 1.0, "Relu": math.inf}
"""Squared error of the best constant, at most, for targets within each operation's range."""
_OF_DIFFERENCES = ("MseLoss", "SmoothL1Loss", "HuberLoss")
_OF_LOGITS = ("LogSoftmax", "BinaryCrossEntropyWithLogits")
_FEWEST_CLASSES = 3
_ROUNDING = 0.005
_ACCURACIES = frozenset({"acc", "accuracy", "top1"})


class _Pair(NamedTuple):
    """A loss and the operation that it gets its values from."""

    loss: str
    operation: str


@dataclass(frozen=True)
class OutputLossMismatch(Rule):
    """The model's outputs are bounded where the loss needs them unbounded.

    What it detects:
        A softmax before a cross-entropy that applies its own, a sigmoid, tanh or ReLU before a
        loss of logits, the output of a regression held in a range that its targets leave, and
        the logarithm of a probability that became infinite.

    Why it matters:
        The loss cannot fall below a bound, gradients fade before the model is right, and no
        hyper-parameter mends it.

    How it decides:
        The callback records which operations the first loss came out of: an activation between
        the last layer and a loss of logits is a fact. The output of a regression may be bounded
        on purpose: it is found where the loss settled above what a constant would reach for
        targets within the range (1/4 for a sigmoid, 1 for a tanh), or stayed above
        ``min_left`` of its first level and no longer fell. Without that record, a softmax
        applied twice is told by its floor, ``ln(1 + (C - 1) / e)``: no loss of the run lies
        below it, the run ends less than ``max_above_floor`` above it, and the accuracy of at
        least ``min_accuracy`` does not fit a loss so high. Where the number of classes is not
        known either, loss and accuracy of the validations tell it: such a loss plus the accuracy
        is ``ln(e + C - 1)`` to within ``max_distance``. It must be at least ``min_over_even`` of
        what errors spread evenly over the classes would give at that accuracy, on both splits to
        within ``max_gap``; no loss of the run may lie below the floor or above ``max_start`` of
        ``ln C``; and all of it came down by at most ``max_slope`` of what the accuracy rose, and
        by ``max_late_fall`` of its way in the last half. Two classes leave no such mark.

    When it is wrong:
        A regression that can be explained no further looks the same as one whose bounded output
        does not reach its targets. Temperatures and label smoothing raise a floor, too.

    References:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 6.2.2. Cover & Thomas (2006),
        Elements of Information Theory, theorem 2.10.1, on Fano's inequality.
    """

    id: ClassVar[str] = "TG409"
    name: ClassVar[str] = "output-loss-mismatch"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = STANDSTILL | {
        "dead-units",
        "divergence",
        "frozen-parameters",
        "non-finite-values",
        "saturated-units",
        "vanishing-gradients",
    }
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=5),)

    min_left: float = 0.4
    max_above_floor: float = 0.25
    min_accuracy: float = 0.75
    max_distance: float = 0.05
    min_over_even: float = 1.25
    max_gap: float = 0.1
    max_start: float = 1.05
    max_slope: float = 2.0
    max_late_fall: float = 0.15

    def check(self, history: RunHistory) -> Outcome:
        """Look at what the loss is computed from, or at the floor that it shows."""
        loss = history.get(Role.TRAIN_LOSS)
        curve = course(loss) if loss is not None else None
        if loss is None or curve is None:
            return self.abstained("too few finite losses")
        graph = history.hyperparameters.loss_graph
        if graph is None:
            return self._by_its_floor(history, loss, curve)
        for pair in _pairs(graph):
            found = self._mismatch(history, loss, curve, pair)
            if found is not None:
                return found
        return self.passed(_presence(loss, "operations that bound what the loss gets", 0.0))

    def _mismatch(
        self, history: RunHistory, loss: Series, curve: Curve, pair: _Pair
    ) -> Finding | None:
        """Return what is wrong with one loss and the operation before it."""
        if pair.loss in _OF_LOGITS and pair.operation in _BOUNDS_LOGITS:
            return self._bounded_logits(history, loss, curve, pair)
        if pair == ("NllLoss", "Softmax"):
            proof = _presence(loss, "probabilities given to a loss of their logarithms", 1.0)
            return self._report(history, loss, (proof,), pair, "the loss needs logarithms", 0.95)
        if pair.loss in _OF_DIFFERENCES and pair.operation in _CONSTANT_ERROR:
            left = self._left(history, loss, curve, pair)
            words = "the targets lie outside of its range"
            return None if left is None else self._report(history, loss, (left,), pair, words, 0.7)
        is_infinite = not loss.is_finite.all()
        if pair.loss == "Log" and pair.operation in {"Softmax", "Sigmoid"} and is_infinite:
            bad = loss.where(~loss.is_finite)
            proof = Evidence(
                loss.key, "losses that are not finite", float(len(bad)), 1.0, bad.span
            )
            fix = log_of_softmax_in_one()
            return self._report(
                history, loss, (proof,), pair, "a probability rounded to 0", 0.9, fix
            )
        return None

    def _bounded_logits(
        self, history: RunHistory, loss: Series, curve: Curve, pair: _Pair
    ) -> Finding:
        what = f"operations ({pair.operation}) that bound the logits"
        proofs = [_presence(loss, what, 1.0)]
        classes = number_of_classes(history)
        if classes is not None and pair.loss == "LogSoftmax" and pair.operation != "Relu":
            floor = math.log1p((classes - 1) * math.exp(-_BOUNDS_LOGITS[pair.operation]))
            words = f"lowest level over the floor that follows, {floor:.3g}"
            proofs.append(Evidence(loss.key, words, curve.best / floor, 1.0, loss.span))
        return self._report(
            history, loss, tuple(proofs), pair, "the loss has a floor that it keeps", 0.95
        )

    def _left(
        self, history: RunHistory, loss: Series, curve: Curve, pair: _Pair
    ) -> Evidence | None:
        """Return the proof that a bounded output kept the loss up, if it did."""
        if history.is_running or curve.start <= 0.0:
            return None
        graph = history.hyperparameters.loss_graph or ""
        error = _CONSTANT_ERROR[pair.operation]
        span = (float(loss.steps[len(loss) // 2]), float(loss.steps[-1]))
        half = curve.after(0.5)
        if not len(half):
            return None
        lowest = float(half.min())
        if graph.startswith("MseLoss <") and lowest > error:
            words = "squared error over that of the best constant in the output's range"
            return Evidence(loss.key, words, lowest / error, 1.0, span)
        still_falls = float(half[0]) - curve.end > max(0.1 * curve.gained, 3.0 * curve.level_noise)
        share = lowest / curve.start
        if share < self.min_left or still_falls:
            return None
        words = "lowest level of the second half over the first loss"
        return Evidence(loss.key, words, share, self.min_left, span)

    def _by_its_floor(self, history: RunHistory, loss: Series, curve: Curve) -> Outcome:
        classes = number_of_classes(history)
        accuracy = _accuracy(history)
        if classes is None and accuracy is not None:
            found = self._by_its_sum(history, loss)
            if found is not None:
                return found
        if classes is None or accuracy is None:
            return self.abstained(
                "what the loss is computed from is not known",
                "attach the callback: it records the operations before the loss",
            )
        floor = math.log1p((classes - 1) / math.e)
        values = loss.finite().values
        above = Evidence(
            loss.key,
            f"end of the loss above the floor of a softmax applied twice, {floor:.4g}",
            curve.end - floor,
            self.max_above_floor,
            (float(loss.steps[len(loss) // 2]), float(loss.steps[-1])),
        )
        half = curve.after(0.5)
        still_falls = len(half) == 0 or float(half[0]) - curve.end > 0.1 * curve.gained
        is_at_floor = 0.0 <= above.value <= self.max_above_floor and values.min() >= floor
        expected = abs(above.value - (1.0 - accuracy.value)) <= 0.1
        if is_at_floor and expected and not still_falls and accuracy.value >= self.min_accuracy:
            pair = _Pair("LogSoftmax", "Softmax")
            words = "the loss settled on the floor that this has"
            return self._report(history, loss, (above, accuracy), pair, words, 0.8)
        return self.passed(above)

    def _by_its_sum(self, history: RunHistory, loss: Series) -> Finding | None:
        """Find a softmax applied twice by what loss and accuracy of the validations add up to."""
        both = loss_and_accuracy(history)
        if both is None or history.is_running:
            return None
        validation, accuracy = both
        found = softmax_twice(loss.finite().values, validation.values, accuracy.values)
        if found is None or found.classes < _FEWEST_CLASSES:
            return None
        is_level = found.distance <= self.max_distance and found.over_even >= self.min_over_even
        is_bounded = found.lowest >= -_ROUNDING and found.highest <= self.max_start
        is_settled = found.slope <= self.max_slope and found.late_fall <= self.max_late_fall
        if not (is_level and is_bounded and is_settled and found.gap <= self.max_gap):
            return None
        words = f"loss over the highest that the accuracy explains, with {found.classes} classes"
        late = (float(validation.steps[len(validation) // 2]), float(validation.steps[-1]))
        proof = (
            Evidence(validation.key, words, found.over_even, self.min_over_even, late),
            Evidence(
                validation.key,
                f"distance of loss plus accuracy from ln(e + {found.classes} - 1)",
                found.distance,
                self.max_distance,
                late,
            ),
        )
        pair = _Pair("LogSoftmax", "Softmax")
        words = "loss and accuracy add up as they do then, and the loss has settled on its floor"
        return self._report(history, loss, proof, pair, words, 0.8)

    def _report(  # noqa: PLR0913, PLR0917 - what was found, and in which words
        self,
        history: RunHistory,
        loss: Series,
        evidence: tuple[Evidence, ...],
        pair: _Pair,
        words: str,
        sure: float,
        fix: Prescription | None = None,
    ) -> Finding:
        called = _called(pair.loss)
        return self.found(
            f"The {called} got its values from a {pair.operation}: {words}.",
            "The model is held back from its targets by its own last operation.",
            evidence,
            confidence=sure,
            prescriptions=(fix,)
            if fix is not None
            else for_a_bounded_output(history, pair.operation, called),
            view=View((loss.key,), span=loss.span),
        )


def _pairs(graph: str) -> list[_Pair]:
    """Return each loss of a graph with the operation right before it."""
    pairs: list[_Pair] = []
    for chain in graph.split("; "):
        links = [link.removesuffix("(sum)") for link in chain.split(" < ")]
        pairs.extend(_Pair(*both) for both in pairwise(links))
    return pairs


def _presence(loss: Series, words: str, count: float) -> Evidence:
    first = float(loss.steps[0])
    return Evidence(loss.key, words, count, 1.0, (first, first))


def _accuracy(history: RunHistory) -> Evidence | None:
    """Return how accurate the model was at its end, on any split."""
    for metric in history.metrics:
        series = history.series[metric.key].finite()
        if metric.name in _ACCURACIES and len(series) >= 3:
            last = series.values[-3:]
            value = float(sorted(last)[1])
            share = value / 100.0 if value > 1.0 else value
            span = (float(series.steps[-3]), float(series.steps[-1]))
            return Evidence(series.key, "accuracy at the end", share, 0.0, span)
    return None


def _called(loss: str) -> str:
    names = {
        "LogSoftmax": "cross-entropy",
        "NllLoss": "negative log-likelihood",
        "BinaryCrossEntropyWithLogits": "binary cross-entropy of logits",
        "Log": "logarithm",
    }
    return names.get(loss, "squared error" if loss == "MseLoss" else "regression loss")
