"""Takes the samples: gradients, updates and what happens to them, around an optimizer's step."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tuneguard.recording.carried_gradient import CarriedGradient
from tuneguard.recording.gradients import gradient_norms
from tuneguard.recording.layers import Layers
from tuneguard.recording.local_gradients import LocalGradients
from tuneguard.recording.loss_scale import LossScale
from tuneguard.recording.samples import Sample
from tuneguard.recording.sketch import Sketch, Versions
from tuneguard.recording.units import UnitStatistics


class Sampler:
    """Reads a model at the right moments of a step that is looked at closely.

    Args:
        layers: The model's parameters.
        sketch: What is read of parameters and gradients.
        optimizers: Which steps are followed.
        scaler: What scales the loss, if anything does.
        units: Looks at the units of some steps, if anything does.
        is_averaged: Whether gradients become the average over ranks.
    """

    def __init__(  # noqa: PLR0913 - what is looked at, and who looks
        self,
        layers: Layers,
        sketch: Sketch,
        optimizers: Sequence[torch.optim.Optimizer],
        scaler: torch.amp.GradScaler | None = None,
        units: UnitStatistics | None = None,
        *,
        is_averaged: bool = False,
    ) -> None:
        self._layers = layers
        self._sketch = sketch
        self._scale = LossScale(scaler, optimizers, layers.parameters)
        self._units = units
        self._own = LocalGradients() if is_averaged else None
        self._carried = CarriedGradient(optimizers)
        self._accumulated: list[torch.Tensor] = []
        self._versions: Versions = []
        self._positions: tuple[int, ...] = ()
        self._reached = -1
        self._left_at: list[int] = []
        self._may_be_clipped_yet = False

    def foresee(self) -> None:
        """Make ready for a sample in the step that is about to begin."""
        if self._own is not None:
            self._own.arm(self._sketch)

    def foresee_units(self) -> None:
        """Have the units looked at in the step that is about to begin."""
        if self._units is not None:
            self._units.arm()

    def spent_in_forward(self) -> float:
        """Return the seconds that looking at units took in forward passes since last asked."""
        return 0.0 if self._units is None else self._units.spent_in_forward()

    def close(self) -> None:
        """Leave no hook behind."""
        self._carried.collect()
        if self._own is not None:
            self._own.collect()
        if self._units is not None:
            self._units.close()

    def micro_batch(self) -> None:
        """Read the gradient that is not complete yet."""
        reached = self._sketch.read_gradients()
        if reached is not None:
            self._accumulated.append(reached)

    def forget_micro_batches(self) -> None:
        """Let go of what was read for a gradient that will not be."""
        self._accumulated = []
        if self._own is not None:
            self._own.collect()
        if self._units is not None:
            self._units.collect()

    def gradient(self, step: int) -> Sample:
        """Read the gradient that is complete: not yet clipped, not yet applied."""
        sample = Sample(step)
        sample.carried = self._carried.collect()
        sample.accumulated, self._accumulated = self._accumulated, []
        if self._units is not None:
            sample.units = self._units.collect()
        if self._own is not None:
            sample.own = self._own.collect()
        positions, norms = gradient_norms(self._layers.parameters)
        if positions != self._positions:
            self._positions = positions
            self._follow(positions, sample)
        sample.sketch = self._sketch
        if positions:
            sample.gradient_of, sample.norms = positions, norms
            sample.gradient = self._sketch.read_gradients()
            self._versions = self._sketch.versions_of_gradients()
            scale = self._scale.read(norms.device)
            if scale is not None and (done := self._scale.unscaled()):
                self._unscale(sample, scale, done)
            else:
                sample.scale = scale
        return sample

    def before_update(self, sample: Sample, *, is_in_closure: bool = False) -> None:
        """Read the weights before the step, and the gradients, where something wrote to them.

        Args:
            sample: What was taken at the step so far.
            is_in_closure: Whether the optimizer is evaluating its closure: the gradients may be
                clipped between here and the update.
        """
        sample.sketch = self._sketch
        self._may_be_clipped_yet = is_in_closure
        is_left = self._reached == sample.step
        if not is_left or self._sketch.versions_of_weights() != self._left_at:
            # else a sample came right before, and its weights after the step are these
            sample.before = self._sketch.read_weights()
        self._read_clipped(sample)

    def evaluated_again(self) -> None:
        """Take in that the optimizer evaluates its closure more than once in a step.

        What the gradients hold at the end of it is not what was clipped of the first ones.
        """
        self._may_be_clipped_yet = False

    def after_update(self, sample: Sample) -> None:
        """Read the weights after the step."""
        if self._may_be_clipped_yet:
            self._may_be_clipped_yet = False
            self._read_clipped(sample)
        sample.after = self._sketch.read_weights()
        self._reached = sample.step + 1
        self._left_at = self._sketch.versions_of_weights()
        self._carried.arm()

    def _read_clipped(self, sample: Sample) -> None:
        if sample.gradient is not None:
            versions = self._sketch.versions_of_gradients()
            if versions != self._versions:
                sample.clipped = self._without_scale(self._sketch.read_gradients(), sample)

    def _without_scale(self, gradient: torch.Tensor | None, sample: Sample) -> torch.Tensor | None:
        """Unscale what is not yet: optimizers unscale their own parameters, one after another."""
        if gradient is None or (scale := self._scale.read(gradient.device)) is None:
            return gradient
        done = self._scale.unscaled()
        if done.issuperset(sample.gradient_of):
            return gradient
        return gradient / _factors(self._owners_of_entries(), scale, done)

    def _owners_of_entries(self) -> list[int]:
        """The position of the parameter that each entry of the sketch belongs to."""
        return [int(one) for one in self._sketch.positions[self._sketch.owners]]

    def _follow(self, positions: Sequence[int], sample: Sample) -> None:
        """Read other parameters from now on, where some have a gradient that had none before."""
        if not self._sketch.covers(positions):
            self._sketch = self._sketch.renewed()
            self._reached = -1
            sample.accumulated, sample.own = [], None

    def _unscale(self, sample: Sample, scale: torch.Tensor, done: frozenset[int]) -> None:
        """Bring a sample to the scale of the gradients in it that were unscaled before."""
        sample.accumulated = [one / scale for one in sample.accumulated]
        sample.own = None if sample.own is None else sample.own / scale
        if done.issuperset(sample.gradient_of):
            return
        if sample.norms is not None:
            sample.norms = sample.norms / _factors(sample.gradient_of, scale, done)
        if sample.gradient is not None:
            factors = _factors(self._owners_of_entries(), scale, done)
            sample.gradient = sample.gradient / factors


def _factors(positions: Sequence[int], scale: torch.Tensor, done: frozenset[int]) -> torch.Tensor:
    is_done = torch.tensor([position in done for position in positions], device=scale.device)
    return torch.where(is_done, torch.ones_like(scale), scale)
