"""What was measured at several steps, fetched and unpacked together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.device_copy import DeviceCopy
from tuneguard.recording.layers import Layers
from tuneguard.spool.columns import Columns


@dataclass(slots=True)
class Step:
    """What was measured at one point of the training.

    Attributes:
        number: Optimizer step.
        timestamp: Milliseconds since 1970.
        known: Values that are on the host, by metric key.
        on_device: Values that are not, by metric key; one element each.
        gradient_of: Positions of the parameters that had a gradient.
        gradient: Their norms, of shape `(parameters,)`.
        update: Sums of squares of update and weights, of shape `(2, parameters)`.
    """

    number: int
    timestamp: int
    known: dict[str, float] = field(default_factory=dict)
    on_device: dict[str, torch.Tensor] = field(default_factory=dict)
    gradient_of: tuple[int, ...] = ()
    gradient: torch.Tensor | None = None
    update: torch.Tensor | None = None


class StepPacket:
    """Steps whose values are on their way to the host.

    Args:
        steps: In the order in which they were taken.
        layers: What the parameters belong to.
        update_of: Positions of the parameters whose updates are sampled.
    """

    def __init__(self, steps: Sequence[Step], layers: Layers, update_of: Sequence[int]) -> None:
        self._steps = steps
        self._layers = layers
        self._update_of = update_of
        tensors = [tensor for step in steps for tensor in _tensors(step)]
        self._copy = DeviceCopy(tensors) if tensors else None

    @property
    def size(self) -> int:
        """How many values there are, counted before parameters are put together to layers."""
        return sum(len(step.known) + len(_tensors(step)) for step in self._steps)

    def columns(self) -> Columns:
        """Return the values by metric key, waiting for the device."""
        fetched = iter(self._copy.read()) if self._copy is not None else iter(())
        scalars: dict[str, list[tuple[Step, float]]] = {}
        gradients: dict[tuple[int, ...], list[tuple[Step, NDArray[np.float64]]]] = {}
        updates: list[tuple[Step, NDArray[np.float64]]] = []
        for step in self._steps:
            values = dict(step.known)
            values.update((key, float(next(fetched)[0])) for key in step.on_device)
            for key, value in values.items():
                scalars.setdefault(key, []).append((step, value))
            if step.gradient is not None:
                gradients.setdefault(step.gradient_of, []).append((step, next(fetched)))
            if step.update is not None:
                updates.append((step, next(fetched)))
        pieces = [
            _Piece.of(key, [step for step, _ in found], [value for _, value in found])
            for key, found in scalars.items()
        ]
        for positions, found in gradients.items():
            pieces.extend(self._gradient_pieces(positions, *zip(*found, strict=True)))
        if updates:
            pieces.extend(self._update_pieces(*zip(*updates, strict=True)))
        return _joined(pieces)

    def _gradient_pieces(
        self,
        positions: tuple[int, ...],
        steps: Sequence[Step],
        norms: Sequence[NDArray[np.float64]],
    ) -> Iterator[_Piece]:
        squares = np.square(np.stack(norms))
        sums, is_there = self._layers.sums(squares, positions)
        yield _Piece.of(keys.GRADIENT_NORM_GLOBAL, steps, np.sqrt(squares.sum(axis=1)))
        for layer, key in enumerate(self._layers.keys(keys.GRADIENT_NORM)):
            if is_there[layer]:
                yield _Piece.of(key, steps, np.sqrt(sums[:, layer]))

    def _update_pieces(
        self, steps: Sequence[Step], sums: Sequence[NDArray[np.float64]]
    ) -> Iterator[_Piece]:
        changes, weights = np.moveaxis(np.stack(sums).reshape(len(steps), 2, -1), 1, 0)
        yield from _ratios(
            keys.UPDATE_RATIO_GLOBAL, steps, changes.sum(axis=1), weights.sum(axis=1)
        )
        of_layers, _ = self._layers.sums(changes, self._update_of)
        whole, is_there = self._layers.sums(weights, self._update_of)
        for layer, key in enumerate(self._layers.keys(keys.UPDATE_RATIO)):
            if is_there[layer]:
                yield from _ratios(key, steps, of_layers[:, layer], whole[:, layer])


@dataclass(frozen=True, eq=False)
class _Piece:
    """Values of one key."""

    key: str
    steps: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(
        cls, key: str, steps: Sequence[Step], values: Sequence[float] | NDArray[np.float64]
    ) -> _Piece:
        return cls(
            key,
            np.array([step.number for step in steps], dtype=np.int64),
            np.array([step.timestamp for step in steps], dtype=np.int64),
            np.asarray(values, dtype=np.float64),
        )


def _ratios(
    key: str, steps: Sequence[Step], changes: NDArray[np.float64], weights: NDArray[np.float64]
) -> Iterator[_Piece]:
    """Ratios of norms; where the weights are all zero there is none.

    The ratio of a run that has diverged, infinity to infinity, is recorded as not a number.
    """
    is_there = weights != 0
    kept = [step for step, there in zip(steps, is_there, strict=True) if there]
    if kept:
        with np.errstate(invalid="ignore"):
            ratios = changes[is_there] / weights[is_there]
        yield _Piece.of(key, kept, np.sqrt(ratios))


def _joined(pieces: Sequence[_Piece]) -> Columns:
    if not pieces:
        return Columns.from_rows(())
    merged: dict[str, list[_Piece]] = {}
    for piece in pieces:
        merged.setdefault(piece.key, []).append(piece)
    ordered = [piece for found in merged.values() for piece in found]
    codes = [code for code, found in enumerate(merged.values()) for _ in found]
    lengths = [len(piece.values) for piece in ordered]
    return Columns(
        tuple(merged),
        np.repeat(np.array(codes, dtype=np.int32), lengths),
        np.concatenate([piece.steps for piece in ordered]),
        np.concatenate([piece.timestamps for piece in ordered]),
        np.concatenate([piece.values for piece in ordered]),
    )


def _tensors(step: Step) -> list[torch.Tensor]:
    optional = [step.gradient, step.update]
    return [*step.on_device.values(), *(tensor for tensor in optional if tensor is not None)]
