"""What the record has to say, computed slowly and in the most obvious way."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest
import torch
from torch import nn

from tuneguard.recording.step_packet import StepPacket
from tuneguard.spool.spool_folder import Spool

Point = dict[str, float]
LossOf = Callable[[nn.Module], torch.Tensor]


class Memory:
    """A sink that keeps packets, and unpacks them when all is over.

    So late, a packet shows whether it holds copies or what the loop has written over meanwhile.
    """

    cpu_seconds = 0.0

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._packets: list[StepPacket] = []
        self.points: dict[str, dict[int, float]] = {}

    def put(self, packet: StepPacket) -> None:
        self._packets.append(packet)

    def describe(self, **changes: object) -> None:
        pass

    def close(self, status: str) -> None:
        for packet in self._packets:
            for key, own in packet.columns().by_key():
                pairs = zip(own.steps.tolist(), own.values.tolist(), strict=True)
                self.points.setdefault(key, {}).update(pairs)
        self._spool.remove()

    def values(self, key: str) -> list[float]:
        """Return the values of a key in the order of the steps."""
        return [value for _, value in sorted(self.points.get(key, {}).items())]

    def must_agree(self, expected: Sequence[Point], rel: float = 1e-5) -> None:
        """Compare with one point a step: of its quantities, nothing missing and nothing more."""
        quantities = {key.partition("/")[0] for point in expected for key in point}
        recorded = {
            (key, step): value
            for key, points in self.points.items()
            if key.partition("/")[0] in quantities
            for step, value in points.items()
        }
        flat = {
            (key, step): one for step, point in enumerate(expected) for key, one in point.items()
        }
        assert recorded == pytest.approx(flat, rel=rel, abs=1e-12, nan_ok=True)


def batches(count: int) -> list[torch.Tensor]:
    """Return batches of eight samples with six inputs, of growing scale."""
    generator = torch.Generator().manual_seed(1)
    return [(1 + step) * torch.randn(8, 6, generator=generator) for step in range(count)]


def mean_loss(model: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Return the mean square of what a model makes of inputs, in the model's own precision."""
    square: torch.Tensor = model(inputs.to(next(model.parameters()).dtype)).square()
    return square.mean()


def loss_on(inputs: torch.Tensor, factor: float = 1.0) -> LossOf:
    """Return the function of a model that is trained on a batch."""
    return lambda model: factor * mean_loss(model, inputs)


def differentiated(model: nn.Module, loss_of: LossOf) -> Point:
    """Return the gradient norms of a loss, by differentiating a copy in double precision."""
    twin = copy.deepcopy(model).double()
    named = {name: one for name, one in twin.named_parameters() if one.requires_grad}
    found = torch.autograd.grad(loss_of(twin), list(named.values()), allow_unused=True)
    return norms(zip(named, found, strict=True))


def as_they_are(model: nn.Module) -> Point:
    """Return the norms of the gradients that the parameters hold now."""
    return norms((name, one.grad) for name, one in model.named_parameters())


def norms(gradients: Iterable[tuple[str, torch.Tensor | None]]) -> Point:
    """Return the root of the sum of squares, entry by entry, of all and of each layer."""
    squares: dict[str, float] = {}
    for name, gradient in gradients:
        if gradient is not None:
            entries = gradient.detach().to_dense().to(torch.complex128).flatten().tolist()
            layer = name.rpartition(".")[0]
            squares[layer] = squares.get(layer, 0.0) + sum(abs(one) ** 2 for one in entries)
    point = {f"gradient_norm/{layer}": math.sqrt(one) for layer, one in squares.items()}
    return point | {"gradient_norm/global": math.sqrt(sum(squares.values()))}


def rates(*optimizers: torch.optim.Optimizer) -> Point:
    """Return the learning rate of each group, numbered through."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    return {f"learning_rate/{group}": float(one["lr"]) for group, one in enumerate(groups)}


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return copies of the parameters, to be compared after a step."""
    return {name: one.detach().clone() for name, one in model.named_parameters()}


def updated(model: nn.Module, before: Mapping[str, torch.Tensor]) -> Point:
    """Return the size of an update over that of the weights before it, of all and by layer."""
    changes = norms((name, one - before[name]) for name, one in model.named_parameters())
    whole = norms(before.items())
    return {
        key.replace("gradient_norm", "update_ratio"): changes[key] / size
        for key, size in whole.items()
    }
