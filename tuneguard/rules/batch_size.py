"""TG307: the batch is far too small, or wastefully large, for the noise of the gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.chance import reference_level
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.batch_size import other_batch_size
from tuneguard.prescriptions.orders import for_tiny_batches
from tuneguard.rule import Requirement, Rule
from tuneguard.statistics.curve import Curve, course
from tuneguard.statistics.noise_floor import held_up_loss
from tuneguard.statistics.robust import scatter_about_lines
from tuneguard.statistics.weighted import weighted_median


@dataclass(frozen=True)
class BatchSize(Rule):
    """The noise of the gradient says that another batch size would spend the budget better.

    What it detects:
        Batches so small that hardly anything of a gradient is signal, in a run that the noise
        keeps up; and batches so large that they all say the same, in a run that had too few
        steps.

    Why it matters:
        Below the noise scale of the gradient, twice the batch allows nearly twice the step; far
        above it, twice the batch costs twice as much and buys nothing.

    How it decides:
        The noise to signal ratio of a batch's gradient is the noise scale of the gradient in
        batches. A record of steps is judged from ``min_losses`` losses on.

        Too small: known at ``min_points`` steps or more, its median over the first half
        of the run is above ``min_noise``, while the noise of the steps holds up ``min_held_up``
        of the loss's start at the end. A warning, where a batch has at most ``few_samples``, so
        that its losses scatter by ``min_scatter`` of chance level from step to step, and the run
        settled above ``min_settled`` of that level, in validation where there is one, falling by
        less than ``max_pace`` of its range between the last two quarters. From rows of one an
        epoch, where the params tell that a batch has at most ``few_samples``: the training losses
        of the later half scatter about their course by ``min_scatter_of_rows`` of the first row,
        and the run ended above ``min_settled_of_rows`` of it, in validation where there is one.

        Too large: its median is below ``max_noise`` in both halves of the run, while the loss
        ends above ``min_end`` of its start and fell by ``min_pace`` of its range between the last
        two quarters. Where either is not so, the batch costs nothing that the run shows.

    When it is wrong:
        Labels that are wrong keep the loss of tiny batches up as well as those of others.
        Memory may forbid a larger batch, and a device that is idle otherwise makes a larger one
        free.

    References:
        McCandlish et al. (2018), An Empirical Model of Large-Batch Training. Shallue et al.
        (2019), Measuring the Effects of Data Parallelism on Neural Network Training.
    """

    id: ClassVar[str] = "TG307"
    name: ClassVar[str] = "batch-size"
    default_severity: ClassVar[Severity] = Severity.INFO
    requires: ClassVar[tuple[Requirement, ...]] = (Requirement((Role.TRAIN_LOSS,), min_points=10),)

    min_losses: int = 60
    min_points: int = 20
    min_noise: float = 20.0
    min_held_up: float = 0.2
    few_samples: float = 8.0
    min_scatter: float = 0.1
    min_settled: float = 0.35
    max_pace: float = 0.25
    min_scatter_of_rows: float = 0.04
    min_settled_of_rows: float = 0.4
    max_noise: float = 0.05
    min_end: float = 0.3
    min_pace: float = 0.1

    def check(self, history: RunHistory) -> Outcome:
        """Hold the size of a batch, or the noise of its gradient, against what the run lost."""
        loss = history.get(Role.TRAIN_LOSS)
        if loss is not None and loss.axis is Axis.EPOCH:
            return self._from_rows(history, loss)
        if loss is not None and loss.is_finite.sum() < self.min_losses:
            return self.abstained(f"fewer than {self.min_losses} losses were recorded")
        tiny = self._tiny(history)
        if tiny is not None:
            return self._report_tiny(history, tiny, "from step to step", "chance level")
        return self._by_noise(history)

    def _from_rows(self, history: RunHistory, loss: Series) -> Outcome:
        """Tell from rows of one an epoch whether so few samples a batch keep the loss up."""
        samples = history.hyperparameters.batch_size
        if samples is None or history.is_running:
            return self.abstained(
                "the batch size is not among the params, or the run is still going on",
                "log batch_size as a param",
            )
        judged = history.get(Role.VALIDATION_LOSS) or loss
        rows, ends = loss.finite(), judged.finite().values
        late = rows.values[len(rows) // 2 :]
        if samples > self.few_samples or len(ends) < 2 or min(rows.values[0], ends[0]) <= 0.0:
            return self.passed()
        scatter = Evidence(
            loss.key,
            "scatter of the later rows about their course, over the first row",
            scatter_about_lines(late) / float(rows.values[0]),
            self.min_scatter_of_rows,
            loss.span,
        )
        settled = Evidence(
            judged.key,
            "level of the last quarter over the first row",
            float(np.median(ends[-max(1, len(ends) // 4) :])) / float(ends[0]),
            self.min_settled_of_rows,
            judged.span,
        )
        if any(one.value < one.threshold for one in (scatter, settled)):
            return self.passed(scatter, settled)
        return self._report_tiny(history, (scatter, settled), "from row to row", "the first row")

    def _by_noise(self, history: RunHistory) -> Outcome:
        loss, noise = history.get(Role.TRAIN_LOSS), _noise(history)
        curve = course(loss) if loss is not None else None
        if noise is None or len(noise) < self.min_points:
            return self.abstained(
                "the noise of the gradient is not recorded, or too uncertain",
                "attach the callback: it records the noise of the gradient",
            )
        if history.is_running or loss is None or curve is None or curve.start <= 0.0:
            return self.abstained("what a batch costs shows when the run has ended")
        early = self._level(noise, noise.positions <= 0.5, self.min_noise)
        late = self._level(noise, noise.positions > 0.5, self.max_noise)
        if early is None or late is None:
            return self.abstained("the noise of the gradient is known for a part of the run only")
        reference = reference_level(history)
        start = reference.level if reference is not None else curve.start
        cost = self._cost(history, loss, start)
        if cost is not None and early.value >= early.threshold and cost.value >= cost.threshold:
            return self._report(history, loss, (early, cost), 4.0)
        waste = self._waste(loss, curve, start)
        is_alike = max(early.value, late.value) <= self.max_noise
        if is_alike and all(one.value >= one.threshold for one in waste):
            return self._report(history, loss, (late, *waste), 0.25)
        return self.passed(early, late)

    def _tiny(self, history: RunHistory) -> tuple[Evidence, ...] | None:
        """Measure what a handful of samples does to the loss; `None` where it does no harm."""
        samples, loss = history.hyperparameters.batch_size, history.get(Role.TRAIN_LOSS)
        if samples is None or samples > self.few_samples or history.is_running or loss is None:
            return None
        curve, reference = course(loss), reference_level(history)
        if curve is None or reference is None or reference.kind != "chance":
            return None
        validation = history.get(Role.VALIDATION_LOSS)
        judged = validation if validation is not None and len(validation.finite()) else loss
        late = judged.finite().values[-max(1, len(judged.finite()) // 10) :]
        scatter = Evidence(
            loss.key,
            f"scatter of the losses from step to step, over {reference.words}",
            curve.noise / reference.level,
            self.min_scatter,
            loss.span,
        )
        settled = Evidence(
            judged.key,
            f"level at the end over {reference.words}",
            float(np.mean(late)) / reference.level,
            self.min_settled,
            judged.span,
        )
        _, pace = self._waste(loss, curve, reference.level)
        pace = replace(pace, threshold=self.max_pace)
        is_harm = all(one.value >= one.threshold for one in (scatter, settled))
        return (scatter, settled, pace) if is_harm and pace.value <= pace.threshold else None

    @staticmethod
    def _level(
        noise: Series, mask: np.ndarray[tuple[int], np.dtype[np.bool_]], limit: float
    ) -> Evidence | None:
        part = noise.where(mask)
        if len(part) == 0:
            return None
        words = "median noise to signal ratio of a batch's gradient"
        return Evidence(
            noise.key, words, weighted_median(part.values, part.weights), limit, part.span
        )

    def _cost(self, history: RunHistory, loss: Series, start: float) -> Evidence | None:
        held_up = held_up_loss(history)
        if held_up is None or not np.isfinite(held_up):
            return None
        return Evidence(
            loss.key,
            "loss that the noise of the steps holds up, over its start",
            held_up / start,
            self.min_held_up,
            loss.span,
        )

    def _waste(self, loss: Series, curve: Curve, start: float) -> tuple[Evidence, Evidence]:
        late = curve.after(0.5)
        quarter = max(1, len(late) // 2)
        fell = float(np.median(late[:quarter]) - np.median(late[-quarter:])) if len(late) else 0.0
        return (
            Evidence(
                loss.key,
                "level at the end over its start",
                curve.end / start,
                self.min_end,
                loss.span,
            ),
            Evidence(
                loss.key,
                "fall between the last two quarters, as a share of the whole fall",
                fell / max(curve.gained, 1e-12 * start),
                self.min_pace,
                loss.span,
            ),
        )

    def _report(
        self, history: RunHistory, loss: Series, evidence: tuple[Evidence, ...], factor: float
    ) -> Outcome:
        noise = evidence[0]
        is_small = factor > 1.0
        words = "far too small" if is_small else "larger than it pays"
        return self.found(
            f"The batch is {words}: the noise of its gradient was {noise.value:.2g} times the "
            "signal.",
            "Most of each gradient is chance."
            if is_small
            else "Smaller batches would have taken more steps for the same price.",
            evidence,
            confidence=0.6,
            prescriptions=(other_batch_size(history, factor),),
            view=View((noise.metric, loss.key), span=noise.steps),
        )

    def _report_tiny(
        self, history: RunHistory, evidence: tuple[Evidence, ...], between: str, whole: str
    ) -> Outcome:
        samples, settled = history.hyperparameters.batch_size, evidence[1]
        return self.found(
            f"A batch has {samples:g} samples: {between} the loss scattered by "
            f"{evidence[0].value:.0%} of {whole}, and it settled at {settled.value:.0%}.",
            "Steps that follow so few samples undo each other at this learning rate.",
            evidence,
            confidence=0.6,
            severity=Severity.WARNING,
            prescriptions=for_tiny_batches(history),
            view=View(tuple({one.metric: None for one in evidence}), span=settled.steps),
        )


def _noise(history: RunHistory) -> Series | None:
    """Return the noise to signal ratio where it is known and positive."""
    key = keys.NOISE_TO_SIGNAL
    series = history.series.get(key) or history.series.get(f"{keys.PREFIX}{key}")
    return series.where(series.is_finite & (series.values > 0.0)) if series is not None else None
