"""TG301: the loss swings without progress because steps are too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_swings
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.noise_floor import held_up_loss
from tuneguard.statistics.swings import swings
from tuneguard.statistics.trend import trend

_FEWEST_ROWS = 6
_FALL_OF_WILD = 1.4  # a trend through a few wild rows is uncertain
_ACCURACIES = frozenset({"acc", "accuracy", "top1"})


@dataclass(frozen=True)
class LearningRateOscillation(Rule):
    """The loss swings from evaluation to evaluation without getting anywhere.

    What it detects:
        A validation loss (the training loss in blocks, where there is no validation) that jumps
        up and down over the second half of the run, while the training loss hovers as well.

    Why it matters:
        The steps are too long to settle: the run jumps around the minimum that it could reach
        with shorter ones, and the last checkpoint is a matter of luck.

    How it decides:
        Effect: the swings of the second half, from their 10th to their 90th percentile around a
        straight line, are at least ``min_amplitude`` of the range that the loss came down
        (``min_amplitude_of_epochs`` of it for rows of one an epoch, which are few), and those of
        the training loss's levels at least ``min_level`` of its own range, which must be
        ``min_gain`` standard deviations of a level. Persistence: at least ``min_turns`` of
        the points are turning points. Progress: neither loss fell over that half by as much as
        it swings, and in that half the training loss stayed above ``min_remaining`` of where it
        started, and the validation accuracy, where known, below ``max_accuracy``: swings around
        what is nearly perfect do no harm. Where norms of gradients and updates are recorded, the
        noise of the batches must account for ``min_held_up`` of the range, by the length of the
        steps: noisy labels make a loss swing as well. Where it accounts for ``min_held_up_low``,
        ``min_remaining_low`` is enough. A learning rate that rises by ``max_rise`` in that half
        is a cyclic schedule, not an oscillation, and one that has decayed to ``max_decay`` is
        not to blame.

        Rows of one an epoch are few, and means over many steps: where they swing all the same, by
        ``min_wild`` of the range (``min_wild_of_cycles`` under a cyclic schedule) and by
        ``min_wild_level`` of the level, both splits half as much at least, while the training
        loss stays above ``min_wild_remaining`` of its first row, that is found without a range
        that is many times its noise: the swings are the noise. Where nothing excuses them,
        ``min_level_alone`` of the level (0.4 of it in training) and ``min_turns_alone`` of turning
        points, make up for ``min_amplitude_of_epochs`` and ``min_remaining_alone`` alone.

    When it is wrong:
        A tiny validation set swings by itself. Reinforcement and adversarial learning have
        losses that swing by nature.

    References:
        Godbole et al. (2023), Deep Learning Tuning Playbook, on late-training variance.
    """

    id: ClassVar[str] = "TG301"
    name: ClassVar[str] = "learning-rate-oscillation"
    default_severity: ClassVar[Severity] = Severity.WARNING
    explains: ClassVar[frozenset[str]] = frozenset({"loss-plateau", "overfitting", "underfitting"})
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.VALIDATION_LOSS, Role.TRAIN_LOSS), min_points=12),
    )

    min_amplitude: float = 0.08
    min_amplitude_of_epochs: float = 0.15
    min_turns: float = 0.3
    min_level: float = 0.02
    min_gain: float = 5.0
    min_remaining: float = 0.2
    min_held_up: float = 0.1
    min_remaining_low: float = 0.1
    min_held_up_low: float = 0.3
    max_accuracy: float = 0.93
    max_decay: float = 0.1
    max_rise: float = 1.5
    min_wild: float = 0.25
    min_wild_of_cycles: float = 0.3
    min_wild_level: float = 0.08
    min_wild_remaining: float = 0.5
    min_turns_alone: float = 0.5
    min_level_alone: float = 0.2
    min_remaining_alone: float = 0.33

    def check(self, history: RunHistory) -> Outcome:
        """Measure the swings of the second half of the run."""
        series = _judged(history)
        curve = course(series) if series is not None else None
        scale = _range(history)
        if series is None or curve is None or scale <= 0.0:
            return self.abstained("the loss never came down, so there is no range to compare with")
        excuse = self._excuse(history, curve)
        wild = self._wild_rows(history, series, scale, is_excused=excuse is not None)
        if wild is not None:
            return self._report(history, series, curve, wild)
        if excuse is not None:
            return self.abstained(excuse)
        tail = _late(series)
        if curve.is_blocked:
            tail = curve.after(0.5)
        swing = swings(tail)
        span = (float(series.steps[len(series) // 2]), float(series.steps[-1]))
        evidence = (
            Evidence(
                series.key,
                "swings of the second half, as a share of the range it came down",
                swing.amplitude / scale,
                self._least_amplitude(history),
                span,
            ),
            Evidence(series.key, "share of turning points", swing.turns, self.min_turns, span),
        )
        swings_enough = all(one.value >= one.threshold for one in evidence)
        is_stalled = swings_enough and _has_stalled(tail)
        hovering = self._training_hovers(history) if is_stalled else None
        if hovering is None:
            return self.passed(*evidence)
        proof = (*evidence, *hovering)
        if any(one.value < one.threshold for one in proof):
            return self.passed(*proof)
        return self._report(history, series, curve, proof)

    def _wild_rows(
        self, history: RunHistory, series: Series, scale: float, *, is_excused: bool
    ) -> tuple[Evidence, ...] | None:
        """Measure rows that swing although each is a mean; `None` where they do not."""
        training = history.get(Role.TRAIN_LOSS)
        if training is None or training.axis is not Axis.EPOCH or training is series:
            return None
        first, tail = training.finite().values[:1], _late(series)
        if min(len(tail), len(_late(training))) < _FEWEST_ROWS or first[0] <= 0.0:
            return None
        swing, other = swings(tail), swings(_late(training))
        level, other_level = float(np.median(tail)), float(np.median(_late(training)))
        has_decayed = self._has_decayed(history)
        if level <= 0.0 or has_decayed or not _has_stalled(tail, _FALL_OF_WILD):
            return None
        span = (float(series.steps[len(series) // 2]), float(series.steps[-1]))
        top = max(float(first[0]), float(series.finite().values[0]))
        swings_of = "swings of the second half, as a share of the "
        measured = (
            (series, f"{swings_of}range it came down", swing.amplitude / scale),
            (series, "share of turning points", swing.turns),
            (series, f"{swings_of}level", swing.amplitude / level),
            (training, f"{swings_of}level", other.amplitude / other_level),
            (training, "second half, as a share of the first row", other_level / top),
        )
        for limits in self._limits_of_wild_rows(is_excused=is_excused):
            proof = tuple(
                Evidence(one.key, words, value, limit, span)
                for (one, words, value), limit in zip(measured, limits, strict=True)
            )
            if all(one.value >= one.threshold for one in proof):
                return proof
        return None

    def _limits_of_wild_rows(self, *, is_excused: bool) -> tuple[tuple[float, ...], ...]:
        """Return what is enough: much of the range, or less of it and much of the level."""
        wild = self.min_wild_of_cycles if is_excused else self.min_wild
        high, most = self.min_wild_level, self.min_level_alone
        usual = (wild, self.min_turns, high, 0.5 * high, self.min_wild_remaining)
        alone = (self.min_amplitude_of_epochs, self.min_turns_alone, most, 0.4 * most)
        return (usual,) if is_excused else (usual, (*alone, self.min_remaining_alone))

    def _has_decayed(self, history: RunHistory) -> bool:
        rate = history.get(Role.LEARNING_RATE)
        late = _late(rate) if rate is not None else np.empty(0)
        return (
            rate is not None
            and len(late) > 0
            and bool(np.median(late) < self.max_decay * rate.finite().values.max())
        )

    def _least_amplitude(self, history: RunHistory) -> float:
        """Return the limit that fits how closely the training loss was recorded."""
        loss = history.get(Role.TRAIN_LOSS)
        is_of_epochs = loss is not None and loss.axis is Axis.EPOCH
        return self.min_amplitude_of_epochs if is_of_epochs else self.min_amplitude

    def _excuse(self, history: RunHistory, curve: Curve) -> str | None:
        """Say why the learning rate cannot be blamed, or `None` if it can."""
        if curve.start <= 0.0:
            return "the loss is not positive, so nobody knows what is left of it"
        accuracy = _late_accuracy(history)
        if accuracy is not None and accuracy >= self.max_accuracy:
            return "the validation accuracy leaves hardly anything to lose"
        rate = history.get(Role.LEARNING_RATE)
        return self._excuse_of_schedule(rate.finite()) if rate is not None else None

    def _excuse_of_schedule(self, rate: Series) -> str | None:
        """Say whether the schedule itself explains swings, or cannot."""
        second = rate.where(rate.positions > 0.5).values
        if len(second) < 2:
            return None
        if (second / self.max_rise > np.minimum.accumulate(second)).any():
            return "the learning rate itself rises and falls in the second half"
        if np.median(second) < self.max_decay * rate.values.max():
            return "the learning rate had decayed before the second half"
        return None

    def _training_hovers(self, history: RunHistory) -> tuple[Evidence, ...] | None:
        """Measure how and where the training loss hovers; `None` if it falls, or never fell."""
        series = history.get(Role.TRAIN_LOSS) or history.get(Role.TRAIN_EVALUATION_LOSS)
        curve = course(series) if series is not None else None
        if series is None or curve is None or curve.gained <= 0.0 or curve.start <= 0.0:
            return None
        second = curve.after(0.5)
        if not _has_stalled(second) or curve.gained < self.min_gain * curve.level_noise:
            return None
        remaining = float(np.median(second)) / curve.start
        held_up = held_up_loss(history)
        share = held_up / curve.gained if held_up is not None else None
        is_clear = share is not None and share >= self.min_held_up_low
        measured = [
            (
                "swings of the training loss's levels in the second half, as a share of its range",
                swings(second).amplitude / curve.gained,
                self.min_level,
            ),
            (
                "training loss in the second half, as a share of its start",
                remaining,
                self.min_remaining_low if is_clear else self.min_remaining,
            ),
        ]
        if share is not None:
            words = "loss that long steps hold up by the noise of batches, as a share of its range"
            measured.append((words, share, self.min_held_up))
        span = (float(series.steps[len(series) // 2]), float(series.steps[-1]))
        return tuple(Evidence(series.key, *one, span) for one in measured)

    def _report(
        self, history: RunHistory, series: Series, curve: Curve, evidence: tuple[Evidence, ...]
    ) -> Outcome:
        share, unit = evidence[0].value, series.axis.value
        because = f"the loss swung by {share:.0%} of its range without settling"
        start, end = evidence[0].steps
        train = history.roles.get(Role.TRAIN_LOSS)
        return self.found(
            f"From {unit} {start:g} to {end:g} the loss swung by {share:.0%} of the range it had "
            f"come down, without getting below {curve.best:.4g} for good.",
            "Steps are too long to settle: where the run ends is a matter of luck.",
            evidence,
            confidence=min(0.95, 0.6 + share / 2.0),
            prescriptions=for_swings(history, series, because),
            view=View(
                (series.key, *((train,) if train and train != series.key else ())),
                span=(start, end),
            ),
        )


def _late_accuracy(history: RunHistory) -> float | None:
    """Return the median validation accuracy of the second half, or `None` where it is unknown."""
    for metric in history.metrics:
        if metric.split == "validation" and metric.name in _ACCURACIES:
            known = history.series[metric.key].finite()
            late = known.values[known.positions > 0.5]
            return float(np.median(late)) if len(late) else None
    return None


def _range(history: RunHistory) -> float:
    """Return how far the loss came down, on the split where it came down further."""
    found = [history.get(role) for role in (Role.VALIDATION_LOSS, Role.TRAIN_LOSS)]
    curves = [course(series) for series in found if series is not None]
    return max((curve.gained for curve in curves if curve is not None), default=0.0)


def _judged(history: RunHistory) -> Series | None:
    """Return the validation loss if it has enough points, else the training loss."""
    validation = history.get(Role.VALIDATION_LOSS)
    if validation is not None and int(validation.is_finite.sum()) >= 12:
        return validation
    return history.get(Role.TRAIN_LOSS)


def _late(series: Series) -> NDArray[np.float64]:
    """Return the finite values of the second half of the run."""
    finite = series.finite()
    return finite.values[finite.positions > 0.5]


def _has_stalled(tail: NDArray[np.float64], most: float = 1.0) -> bool:
    """Whether the fall over the tail is smaller than the swings around it, times `most`."""
    fall = -trend(np.arange(len(tail), dtype=np.float64), tail).change
    return fall < most * swings(tail).amplitude
