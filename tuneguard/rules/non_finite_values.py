"""TG401: NaN or infinity in what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Outcome, Severity, View
from tuneguard.history import Axis, Role, RunHistory, Series
from tuneguard.prescriptions.orders import for_overflow
from tuneguard.rule import Rule
from tuneguard.symptoms import MISJUDGED_VALIDATION, STANDSTILL


@dataclass(frozen=True)
class NonFiniteValues(Rule):
    """The loss, a gradient norm or a metric is NaN or infinite.

    What it detects:
        Any NaN or infinity in the training loss, the gradient norms or the validation metrics,
        and where it came first.

    Why it matters:
        One NaN in the weights makes every later result NaN: all time after it is wasted, and
        the last checkpoint may hold nothing else.

    How it decides:
        A value of the loss or of a metric that is not finite is enough. A gradient norm that is
        not finite counts where the loss follows it, or where it happens more than
        ``max_gradient_share`` of the time, as far as the sampled steps can prove it: under mixed
        precision with loss scaling a few overflowing gradients are how the scale is found, and
        those steps are skipped. Charts
        leave out what is not finite and only count it: where the charted loss (or, without one,
        the gradient norm) ends before the last of those counts, and from there on at least
        ``min_counted`` values a step were counted, it had stopped being finite.

    When it is wrong:
        A metric may be NaN by definition, such as a correlation of a constant. A filter in the
        training loop may hide NaN losses from the log: then only the gradient norm shows them.

    References:
        Micikevicius et al. (2018), Mixed Precision Training.
    """

    id: ClassVar[str] = "TG401"
    name: ClassVar[str] = "non-finite-values"
    default_severity: ClassVar[Severity] = Severity.CRITICAL
    explains: ClassVar[frozenset[str]] = (
        STANDSTILL
        | MISJUDGED_VALIDATION
        | {
            "dead-units",
            "divergence",
            "learning-rate-oscillation",
            "loss-spikes",
            "vanishing-gradients",
        }
    )

    max_gradient_share: float = 0.01
    min_counted: float = 0.5

    def check(self, history: RunHistory) -> Outcome:
        """Look for values that are not finite."""
        watched = _watched(history)
        if all(series.is_finite.all() for series in watched):
            counted = self._counted(history)
            if counted is not None:
                return self._report_counted(history, counted)
        if not any(len(series) for series in watched):
            return self.abstained(
                "nothing that could be NaN was recorded", "record the training loss"
            )
        bad = [series for series in watched if not series.is_finite.all()]
        guilty = [series for series in bad if not self._is_harmless(series, history)]
        if not guilty:
            return self.passed(*(_share(series, self.max_gradient_share) for series in watched))
        guilty.sort(key=_first_bad_position)
        first = guilty[0]
        step = _first_bad_step(first)
        value = first.values[~first.is_finite][0]
        ends_bad = any(not series.is_finite[-1] for series in guilty)
        return self.found(
            f"{_called(first, history)} became {_spelled(value)} at {first.axis.value} {step:g}"
            f"{', and the run ended so' if ends_bad else ', and became finite again'}.",
            "From the first NaN in the weights on, nothing that is computed means anything.",
            tuple(_share(series, 0.0) for series in guilty[:5]),
            confidence=1.0,
            severity=Severity.CRITICAL if ends_bad else Severity.WARNING,
            prescriptions=for_overflow(history, step),
            view=View(
                tuple(series.key for series in guilty[:2]),
                span=(step, float(first.steps[-1])),
                marks=((step, "first NaN" if np.isnan(value) else "first infinity"),),
                log_scale=True,
            ),
        )

    def _counted(self, history: RunHistory) -> Evidence | None:
        """Measure what was only counted since the charted loss ended, if that was long ago."""
        counter = history.series.get(keys.NON_FINITE)
        counter = counter.finite() if counter is not None else None
        if counter is None or len(counter) == 0 or counter.axis is not Axis.STEP:
            return None
        charted = _charted(history)
        if charted is not None and charted.axis is not Axis.STEP:
            return None
        steps = charted.steps if charted is not None else np.array([-1.0])
        ended, last = float(steps[-1]), float(counter.steps[-1])
        stride = float(np.diff(steps[-10:]).max(initial=1.0))
        if last - ended < 3.0 * stride:
            return None
        before = counter.values[counter.steps <= ended]
        count = float(counter.values[-1]) - (float(before[-1]) if len(before) else 0.0)
        share = count / (last - ended)
        if share < self.min_counted:
            return None
        return Evidence(
            keys.NON_FINITE,
            "values a step that were not finite, since the charted loss ended",
            share,
            self.min_counted,
            (max(0.0, ended), last),
        )

    def _report_counted(self, history: RunHistory, counted: Evidence) -> Outcome:
        charted = _charted(history)
        start, last = counted.steps
        name = _called(charted, history) if charted is not None else "The training loss"
        since = f"after step {start:g}" if charted is not None else "from the first step on"
        return self.found(
            f"{name} stopped being finite {since}: up to step {last:g} "
            f"{counted.value:.3g} values a step were NaN or infinite.",
            "From the first NaN in the weights on, nothing that is computed means anything.",
            (counted,),
            confidence=0.9,
            prescriptions=for_overflow(history, start + 1.0),
            view=View(
                ((charted.key,) if charted is not None else ()) + (keys.NON_FINITE,),
                span=(start, last),
                marks=((start, "last finite"),) if charted is not None else (),
            ),
        )

    def _is_harmless(self, series: Series, history: RunHistory) -> bool:
        """Whether overflowing gradients are those that loss scaling skips."""
        if series.key not in _gradient_keys(history):
            return False
        loss = history.get(Role.TRAIN_LOSS)
        share = _bad_share(series) - _bad_share_error(series)
        is_rare = share <= self.max_gradient_share and bool(series.is_finite[-1])
        return is_rare and loss is not None and bool(loss.is_finite.all())


def _gradient_keys(history: RunHistory) -> set[str]:
    key = history.roles.get(Role.GRADIENT_NORM)
    layers = history.of_layers(keys.GRADIENT_NORM).values()
    return {series.key for series in layers} | ({key} if key else set())


def _charted(history: RunHistory) -> Series | None:
    """Return the training loss, else the gradient norm, as far as it is finite."""
    found = (history.get(role) for role in (Role.TRAIN_LOSS, Role.GRADIENT_NORM))
    return next((one.finite() for one in found if one is not None and one.is_finite.any()), None)


def _watched(history: RunHistory) -> list[Series]:
    roles = (
        Role.TRAIN_LOSS,
        Role.GRADIENT_NORM,
        Role.VALIDATION_LOSS,
        Role.TRAIN_EVALUATION_LOSS,
    )
    found = [series for role in roles if (series := history.get(role)) is not None]
    return found + [history.series[metric.key] for metric in history.metrics]


def _first_bad_step(series: Series) -> float:
    return float(series.steps[~series.is_finite][0])


def _first_bad_position(series: Series) -> float:
    return float(series.positions[~series.is_finite][0])


def _share(series: Series, limit: float) -> Evidence:
    span = series.span if series.is_finite.all() else series.where(~series.is_finite).span
    share = _bad_share(series) if len(series) else 0.0
    return Evidence(series.key, "share of values that are not finite", share, limit, span)


def _bad_share(series: Series) -> float:
    """Return the share of the time in which the values are not finite."""
    return float(series.weights[~series.is_finite].sum() / series.weights.sum())


def _bad_share_error(series: Series) -> float:
    """Return its standard error from the steps that were not sampled (Horvitz & Thompson 1952).

    A value that stands for `w` steps was sampled with a chance of 1 in `w`, and adds
    `w (w - 1)` to the variance of the number of bad steps: nothing where every step was.
    """
    bad = series.weights[~series.is_finite]
    variance = np.maximum(bad * (bad - 1.0), 0.0).sum()
    return float(np.sqrt(variance) / series.weights.sum())


def _called(series: Series, history: RunHistory) -> str:
    for role, key in history.roles.items():
        if key == series.key:
            return f"The {role.value.replace('_', ' ')}"
    return f"The metric {series.key}"


def _spelled(value: float) -> str:
    return "NaN" if np.isnan(value) else "infinite"
