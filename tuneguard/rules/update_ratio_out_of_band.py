"""TG306: some layers move decades more, or less, than the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tuneguard import keys
from tuneguard.findings import Evidence, Finding, Outcome, Severity, View
from tuneguard.history import Role, RunHistory
from tuneguard.model_layers import typical
from tuneguard.prescriptions.orders import for_uneven_updates
from tuneguard.prescriptions.wording import listed
from tuneguard.rule import Requirement, Rule

_EARLY = 0.1


@dataclass(frozen=True)
class UpdateRatioOutOfBand(Rule):
    """The update to weight ratio of a layer is out of any ordinary band, and alone there.

    What it detects:
        A layer whose updates, as a share of its weights, are decades below or above those of the
        other layers for most of the run.

    Why it matters:
        One learning rate serves all layers: where their ratios are decades apart, some layers
        stand still while others are thrown about.

    How it decides:
        Over the run but for its first tenth, the median ratio of the layer is below
        ``min_ratio`` and less than 1/``min_distance`` of that of the median layer; or above
        ``max_ratio`` and more than ``min_distance`` times that. Ratios of exactly zero belong to
        layers that are frozen or cut off, which is another matter. It takes ``min_layers``
        layers of ``min_points`` points each. This is advice, not an alarm: a run may learn well
        all the same.

    When it is wrong:
        Embeddings of which a batch touches few rows move little on purpose. Layers that begin
        at zero have a ratio of any size until they have grown.

    References:
        Karpathy (2022), Building makemore, part 3: update to data ratios around 1e-3. You, Gitman
        & Ginsburg (2017), Large Batch Training of Convolutional Networks.
    """

    id: ClassVar[str] = "TG306"
    name: ClassVar[str] = "update-ratio-out-of-band"
    default_severity: ClassVar[Severity] = Severity.INFO
    requires: ClassVar[tuple[Requirement, ...]] = (
        Requirement((Role.UPDATE_RATIO,), min_points=10),
    )

    min_ratio: float = 1e-6
    max_ratio: float = 0.1
    min_distance: float = 100.0
    min_layers: int = 3
    min_points: int = 10

    def check(self, history: RunHistory) -> Outcome:
        """Hold the ratio of each layer against that of the median layer."""
        found = {
            name: ratio
            for name, series in history.of_layers(keys.UPDATE_RATIO).items()
            if len(series.finite()) >= self.min_points and (ratio := typical(series, _EARLY))
        }
        if len(found) < self.min_layers:
            return self.abstained(
                f"fewer than {self.min_layers} layers have a known update ratio",
                "attach the callback: it records the update ratio of each layer",
            )
        median = float(np.median(list(found.values())))
        low = [n for n, r in found.items() if r < min(self.min_ratio, median / self.min_distance)]
        high = [n for n, r in found.items() if r > max(self.max_ratio, median * self.min_distance)]
        if not low and not high:
            farthest = max(found, key=lambda name: abs(np.log(found[name] / median)))
            return self.passed(self._evidence(history, farthest, found[farthest], median))
        return self._report(history, low or high, found, median, is_low=bool(low))

    def _evidence(self, history: RunHistory, layer: str, ratio: float, median: float) -> Evidence:
        series = history.of_layers(keys.UPDATE_RATIO)[layer]
        is_low = ratio < median
        return Evidence(
            series.key,
            f"median update to weight ratio, where that of the median layer is {median:.2g}",
            ratio,
            min(self.min_ratio, median / self.min_distance)
            if is_low
            else max(self.max_ratio, median * self.min_distance),
            series.span,
        )

    def _report(
        self,
        history: RunHistory,
        layers: list[str],
        found: dict[str, float],
        median: float,
        *,
        is_low: bool,
    ) -> Finding:
        worst = (min if is_low else max)(layers, key=lambda name: found[name])
        evidence = self._evidence(history, worst, found[worst], median)
        others = [one.key for one in history.of_layers(keys.UPDATE_RATIO).values()]
        return self.found(
            f"Updates of {listed(layers)} were {found[worst]:.2g} of the weights, those of the "
            f"median layer {median:.2g}.",
            "One learning rate for all layers leaves some standing or throws others about.",
            (evidence,),
            confidence=0.5,
            prescriptions=for_uneven_updates(history, layers, median / found[worst]),
            view=View(
                tuple(dict.fromkeys((evidence.metric, *others)))[:4],
                evidence.steps,
                log_scale=True,
            ),
        )
