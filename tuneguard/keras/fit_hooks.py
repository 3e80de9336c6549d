"""Where `model.fit` is listened to: between the gradient and the update that Keras makes of it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

from tuneguard.exceptions import TuneGuardError
from tuneguard.keras.optimizer_likeness import OptimizerLikeness
from tuneguard.recording.unbreakable import unbreakable

_OWNER = "tuneguard_owner"

Gradients = Sequence[torch.Tensor]


class Recorder(Protocol):
    """What is told of the steps."""

    def on_after_backward(self, loss: torch.Tensor | float) -> None:
        """Measure the gradient."""


class FitHooks:
    """Follows a Keras model and its optimizer through each training step.

    One step of Keras, and what is done where:

    ```text
    y_pred = model(x, training=True)
    model.zero_grad()
    loss = model.compute_loss(x, y, y_pred, ...)            <- the loss of the batch, unscaled
    optimizer.scale_loss(loss).backward()
    optimizer.apply(gradients, variables)
        LossScaleOptimizer: gradients are unscaled, or the step is skipped
        loss_scale_factor:  gradients are unscaled
        gradient_accumulation_steps: returns, until the last of them, which takes the mean
        optimizer._clip_gradients(gradients)                <- the gradient, complete, unscaled
            clipnorm, global_clipnorm, clipvalue            <- the weights before the update
        weight decay
        optimizer._backend_update_step(..., learning_rate)  <- the learning rate as it is used
        moving averages and constraints of the weights
    after `apply`                                           <- the weights after the update
    ```

    Args:
        model: The compiled `keras.Model` whose `fit` has begun.
        steps: Shows the recorder the optimizer's updates.
        show: Called with the inputs and the outputs of each training batch.
        show_evaluated: Called with the inputs of each batch that is evaluated.
    """

    def __init__(
        self,
        model: Any,
        steps: OptimizerLikeness,
        show: Callable[[Any, Any], object],
        show_evaluated: Callable[[Any], object],
    ) -> None:
        self.process = os.getpid()
        self.failed: set[str] = set()
        self._model = model
        self._steps = steps
        self._show = show
        self._show_evaluated = show_evaluated
        self._optimizer = model.optimizer
        self._inner = inner_optimizer(model.optimizer)
        self._recorder: Recorder | None = None
        self._losses: list[torch.Tensor] = []
        self._variables: Sequence[Any] = ()
        self._own_gradients: list[tuple[torch.nn.Parameter, torch.Tensor | None]] = []
        self._is_applied = False
        self._is_updated = False
        self._installed: list[tuple[Any, str]] = []
        self.displaced: Callable[[], object] = bool

    def install(self, recorder: Recorder, when_displaced: Callable[[], None]) -> None:
        """Listen from now on; whoever still listened to the same model stops.

        Args:
            recorder: What is told of the steps.
            when_displaced: Called when another one begins to listen, as after a `fit` that was
                interrupted and never told its callbacks.

        Raises:
            TuneGuardError: The optimizer has not the parts that this version knows.
        """
        before = getattr(vars(self._model).get("compute_loss"), _OWNER, None)
        if isinstance(before, FitHooks):
            before.remove()
            before.displaced()
        self._recorder = recorder
        self.displaced = when_displaced
        self._wrap(self._model, "compute_loss", self._compute_loss)
        self._wrap(self._optimizer, "apply", self._apply)
        if self._inner is not self._optimizer:
            self._wrap(self._inner, "apply", self._apply_unscaled)
        self._wrap(self._inner, "_backend_apply_gradients", self._apply_gradients)
        self._wrap(self._inner, "_clip_gradients", self._clip)
        self._wrap(self._inner, "_backend_update_step", self._update)

    def remove(self) -> None:
        """Leave the model and the optimizer as they were."""
        for owner, name in reversed(self._installed):
            vars(owner).pop(name, None)
        self._installed = []
        self._recorder = None

    def _wrap(self, owner: Any, name: str, instead: Callable[..., Any]) -> None:
        original = getattr(owner, name, None)
        if original is None:
            self.remove()
            raise TuneGuardError(
                f"{type(owner).__name__} has no {name}, by which its steps are followed: use a "
                "keras.optimizers.Optimizer, and Keras 3.5 or later."
            )
        wrapped = functools.wraps(original)(functools.partial(instead, original))
        setattr(wrapped, _OWNER, self)
        object.__setattr__(owner, name, wrapped)
        self._installed.append((owner, name))

    def _compute_loss(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        loss = original(*args, **kwargs)
        named = dict(zip(("x", "y", "y_pred"), args, strict=False)) | kwargs
        if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
            self._show_evaluated(named.get("x"))
        else:
            self._take_loss(loss, named.get("x"), named.get("y_pred"))
        return loss

    @unbreakable
    def _take_loss(self, loss: torch.Tensor, inputs: Any, outputs: Any) -> None:
        accumulates = self._inner.gradient_accumulation_steps
        self._losses.append(loss.detach() if accumulates else loss)
        self._show(inputs, outputs)

    @torch.compiler.disable  # type: ignore[untyped-decorator] # torch has no types for it
    def _apply(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._is_applied = self._inner is self._optimizer
        self._is_updated = False
        try:
            result = original(*args, **kwargs)
        finally:
            self._give_back()
        if self._is_updated:
            self._updated()
        elif not self._is_applied:
            self._skipped(*args, **kwargs)
            self._give_back()
        return result

    def _apply_unscaled(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._is_applied = True
        return original(*args, **kwargs)

    def _apply_gradients(
        self, original: Callable[..., Any], grads: Gradients, trainable_variables: Sequence[Any]
    ) -> Any:
        self._variables = trainable_variables
        return original(grads, trainable_variables)

    def _clip(self, original: Callable[..., Any], grads: Gradients) -> Any:
        self._is_updated = True
        self._measure(grads)
        clipped = original(grads)
        self._ready_to_update(clipped)
        return clipped

    def _update(
        self, original: Callable[..., Any], grads: Gradients, variables: Any, learning_rate: Any
    ) -> Any:
        self._take_rate(learning_rate)
        return original(grads, variables, learning_rate)

    @unbreakable
    def _measure(self, grads: Gradients) -> None:
        self._put(grads)
        losses, self._losses = self._losses, []
        if self._recorder is not None and losses:
            loss = torch.stack(losses).mean() if len(losses) > 1 else losses[0]
            self._recorder.on_after_backward(loss)

    @unbreakable
    def _ready_to_update(self, clipped: Gradients) -> None:
        self._put(clipped)
        self._steps.before()

    @unbreakable
    def _take_rate(self, learning_rate: Any) -> None:
        self._steps.set_learning_rate(learning_rate)

    @unbreakable
    def _updated(self) -> None:
        self._steps.after()

    @unbreakable
    def _skipped(self, grads: Gradients, trainable_variables: Sequence[Any]) -> None:
        """Measure a gradient that is not finite, so that its step is not taken."""
        scale = self._optimizer.dynamic_scale.value
        given = zip(trainable_variables, grads, strict=True)
        found = [(variable, one / scale) for variable, one in given if one is not None]
        self._variables = [variable for variable, _ in found]
        self._measure([gradient for _, gradient in found])

    def _put(self, gradients: Gradients) -> None:
        """Have the parameters show these gradients until `_give_back`."""
        for variable, gradient in zip(self._variables, gradients, strict=False):
            parameter = variable.value
            if gradient is not None and parameter.grad is not gradient:
                self._own_gradients.append((parameter, parameter.grad))
                parameter.grad = gradient.to(parameter.dtype)

    def _give_back(self) -> None:
        """Let the parameters have the gradients of their own backward pass again."""
        for parameter, gradient in reversed(self._own_gradients):
            parameter.grad = gradient
        self._own_gradients = []


def inner_optimizer(optimizer: Any) -> Any:
    """Return the optimizer that updates the weights: without what scales the loss around it."""
    while (inner := getattr(optimizer, "inner_optimizer", None)) is not None:
        optimizer = inner
    return optimizer
