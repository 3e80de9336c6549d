"""Everything that one small training is made of; faults and variants replace parts of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

Task = Literal["classification", "regression"]
Batch = tuple[Tensor, Tensor]
Parameters = Iterable[nn.Parameter] | Iterable[dict[str, object]]


@dataclass(frozen=True, eq=False)
class Data:
    """Samples and their targets, in three parts that share none.

    Attributes:
        train: What is trained on.
        validation: What the training loop validates on.
        test: What the finished model is scored on; large enough that its score hardly varies.
    """

    train: Batch
    validation: Batch
    test: Batch


def all_parameters(model: nn.Module) -> Iterable[nn.Parameter]:
    """Return what an optimizer is usually given."""
    return model.parameters()


def constant(done: float) -> float:  # noqa: ARG001 - whatever the share
    """Keep the learning rate."""
    return 1.0


def unchanged(model: nn.Module) -> None:
    """Leave the model as it was built."""


def as_they_are(batch: Batch, step: int) -> Batch:  # noqa: ARG001 - whichever step
    """Leave the batch as it was drawn."""
    return batch


def untouched(model: nn.Module, step: int) -> None:
    """Leave the gradients as they are."""


@dataclass(frozen=True, eq=False)
class Setup:
    """One way to train one small model.

    Everything random in it follows from torch's global generator, which the loop seeds.

    Attributes:
        program: Name of the base program.
        task: What is learned.
        num_classes: Number of classes of a classification, else `None`.
        data: From a seed to the data; how many samples, how noisy are keyword arguments.
        model: Builds the model; what a fault changes of it are keyword arguments, as `width`.
        criterion: From outputs and targets to the loss that is trained on.
        optimizer: From parameters to what trains them; its settings are the keywords.
        parameters: What of the model the optimizer is given.
        rate: From the share of the steps that are done, in [0, 1), to the factor on the
            optimizer's learning rate.
        batch_size: Samples in a batch.
        steps: Optimizer steps that are done.
        planned_steps: Optimizer steps that the user would call planned; `steps`, where `None`.
        validations: How many times the model is validated, evenly spaced, the last at the end.
        clip_norm: Limit of the gradient's norm, where it is clipped.
        clears_gradients: Whether `zero_grad` is called.
        scaler: Builds the loss scaler, where there is one.
        prepare: Changes the model once it is built.
        batch: Changes a batch before the model sees it: augmentation, or a fault.
        after_backward: Changes the gradients, before clipping; sees the step.
        validated_on: Changes the validation data, where a fault lies there.
        wait_seconds: How long the loader takes for a batch, beyond drawing it.
    """

    program: str
    task: Task
    num_classes: int | None
    data: Callable[..., Data]
    model: Callable[..., nn.Module]
    criterion: Callable[[Tensor, Tensor], Tensor]
    optimizer: partial[Any]
    parameters: Callable[[nn.Module], Parameters] = all_parameters
    rate: Callable[[float], float] = constant
    batch_size: int = 64
    steps: int = 400
    planned_steps: int | None = None
    validations: int = 16
    clip_norm: float | None = None
    clears_gradients: bool = True
    scaler: Callable[[], torch.amp.GradScaler] | None = None
    prepare: Callable[[nn.Module], None] = unchanged
    batch: Callable[[Batch, int], Batch] = as_they_are
    after_backward: Callable[[nn.Module, int], None] = untouched
    validated_on: Callable[[Data], Batch] = field(default=lambda data: data.validation)
    wait_seconds: float = 0.0
