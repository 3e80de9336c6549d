"""Takes the samples: gradients, updates and what happens to them, around an optimizer's step."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tuneguard.recording.gradients import gradient_norms
from tuneguard.recording.layers import Layers
from tuneguard.recording.samples import Sample
from tuneguard.recording.sketch import Sketch, Versions


class Sampler:
    """Reads a model at the right moments of a step that is looked at closely.

    Args:
        layers: The model's parameters.
        sketch: What is read of parameters and gradients.
        optimizers: Which steps are followed.
        scaler: What scales the loss, if anything does.
    """

    def __init__(
        self,
        layers: Layers,
        sketch: Sketch,
        optimizers: Sequence[torch.optim.Optimizer],
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        self._layers = layers
        self._sketch = sketch
        self._optimizers = optimizers
        self._scaler = scaler
        self._accumulated: list[torch.Tensor] = []
        self._versions: Versions = []
        self._reached = -1

    def micro_batch(self) -> None:
        """Read the gradient that is not complete yet."""
        reached = self._sketch.read_gradients()
        if reached is not None:
            self._accumulated.append(reached)

    def gradient(self, step: int) -> Sample:
        """Read the gradient that is complete: not yet clipped, not yet applied."""
        sample = Sample(step)
        sample.accumulated, self._accumulated = self._accumulated, []
        positions, norms = gradient_norms(self._layers.parameters)
        if positions:
            sample.gradient_of, sample.norms = positions, norms
            sample.scale = self._scale(norms.device)
            sample.gradient = self._sketch.read_gradients()
            self._versions = self._sketch.versions_of_gradients()
        return sample

    def before_update(self, sample: Sample) -> None:
        """Read the weights before the step, and the gradients, where something wrote to them."""
        if self._reached != sample.step:
            # where a sample came right before, its weights after the step are these
            sample.before = self._sketch.read_weights()
        if sample.gradient is not None:
            versions = self._sketch.versions_of_gradients()
            if versions != self._versions:
                sample.clipped = self._sketch.read_gradients()

    def after_update(self, sample: Sample) -> None:
        """Read the weights after the step."""
        sample.after = self._sketch.read_weights()
        self._reached = sample.step + 1

    def _scale(self, device: torch.device) -> torch.Tensor | None:
        if self._scaler is None or self._is_unscaled():
            return None
        scale: torch.Tensor = self._scaler.scale(torch.ones((), device=device))
        return scale

    def _is_unscaled(self) -> bool:
        """Whether `scaler.unscale_` was called for this step already."""
        states = getattr(self._scaler, "_per_optimizer_states", {})
        stages = [states[id(one)].get("stage") for one in self._optimizers if id(one) in states]
        return any(getattr(stage, "name", "") == "UNSCALED" for stage in stages)
