"""What is taken at a step that is looked at closely: on the device, and on the host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from tuneguard.recording.device_copy import Floats
from tuneguard.recording.sketch import Sketch
from tuneguard.recording.unit_sample import UnitSample

Value = tuple[str, float]


@dataclass(slots=True)
class Sample:
    """What was taken at one step, still on the device.

    Attributes:
        step: Optimizer step.
        gradient_of: Positions of the parameters that had a gradient.
        norms: Their norms, of shape `(parameters,)`.
        scale: What the gradients were scaled by: one element, or one a parameter of `norms`.
        gradient: The gradients' sketch, before clipping.
        clipped: The same after clipping, where the gradients were written to in between.
        before: The weights' sketch before the update.
        after: The weights' sketch after it.
        accumulated: The gradients' sketch after each micro-batch but the last.
        own: The sketch of this rank's own gradient, where others' are averaged in.
        carried: The share of the step before's gradient that a backward pass still found.
        units: What is known of the units, where they were looked at.
        sketch: How the sketches were taken.
    """

    step: int
    gradient_of: tuple[int, ...] = ()
    norms: torch.Tensor | None = None
    scale: torch.Tensor | None = None
    gradient: torch.Tensor | None = None
    clipped: torch.Tensor | None = None
    before: torch.Tensor | None = None
    after: torch.Tensor | None = None
    accumulated: list[torch.Tensor] = field(default_factory=list)
    units: UnitSample | None = None
    sketch: Sketch | None = None
    own: torch.Tensor | None = None
    carried: torch.Tensor | None = None

    def tensors(self) -> list[torch.Tensor]:
        """Return all tensors, in the order in which `fetched` takes their values."""
        own = [one for one in (*self._fields(), *self.accumulated) if one is not None]
        return own if self.units is None else own + self.units.tensors

    def fetched(self, values: Iterator[Floats]) -> FetchedSample:
        """Return the sample with the next values in place of its tensors."""
        norms, scale, gradient, clipped, before, after, own, carried = (
            None if one is None else next(values) for one in self._fields()
        )
        accumulated = [next(values) for _ in self.accumulated]
        units = {} if self.units is None else self.units.values(list(values))
        return FetchedSample(
            self.step,
            self.gradient_of,
            norms,
            scale,
            gradient,
            clipped,
            before,
            after,
            accumulated,
            tuple(units.items()),
            self.sketch,
            own,
            carried,
        )

    def _fields(self) -> tuple[torch.Tensor | None, ...]:
        return (
            self.norms,
            self.scale,
            self.gradient,
            self.clipped,
            self.before,
            self.after,
            self.own,
            self.carried,
        )


@dataclass(frozen=True, eq=False, slots=True)
class FetchedSample:
    """A `Sample` whose values are on the host; its attributes mean the same."""

    step: int
    gradient_of: tuple[int, ...]
    norms: Floats | None
    scale: Floats | None
    gradient: Floats | None
    clipped: Floats | None
    before: Floats | None
    after: Floats | None
    accumulated: Sequence[Floats]
    units: Sequence[Value] = ()
    sketch: Sketch | None = None
    own: Floats | None = None
    carried: Floats | None = None
