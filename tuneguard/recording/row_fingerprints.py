"""Fingerprints of samples: a number for each row of a batch's inputs, the same for equal rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch

MOST_COLUMNS = 512
_ROWS_AT_ONCE = 128
_SPREAD = 0x9E3779B97F4A7C15 - (1 << 64)
_TARGETS = frozenset({"y", "start_positions", "end_positions"})
_TARGET_PREFIXES = ("label", "target", "decoder_")
_TARGET_SUFFIXES = ("_label", "_labels", "_target", "_targets")
_MASK = "attention_mask"


class NoFingerprintError(Exception):
    """A batch has no samples that can be told apart; the message says why."""


@torch.no_grad()
def row_fingerprints(batch: Any, most_rows: int) -> torch.Tensor:
    """Return a fingerprint of each sample's input, without waiting for the device.

    The bits of a row's numbers are mixed, multiplied by fixed random numbers and added up modulo
    2^64: multilinear hashing, Carter and Wegman (1979), Universal Classes of Hash Functions.
    Zeros at the end of a row add nothing, so padding does not matter. Rows of more than
    `MOST_COLUMNS` numbers are told by so many of them, at fixed places.

    Args:
        batch: Inputs; a list or tuple that begins with them; or a mapping, whose entries are all
            inputs but for labels and masks. Of tensors or NumPy arrays, samples first.
        most_rows: How many of the first rows are taken.

    Returns:
        Shape `(rows,)`, integers of 64 bits, on the device of the inputs.

    Raises:
        NoFingerprintError: The inputs are nothing of that kind, or a single number a sample.
    """
    inputs = _inputs_of(batch)
    count = min(len(inputs[0]), most_rows)
    if not count:
        raise NoFingerprintError("an empty batch")
    total = torch.zeros(count, dtype=torch.int64, device=inputs[0].device)
    for place, one in enumerate(inputs):
        hashes = [_hashes(rows) for rows in _split(one[:count])]
        total = total * _SPREAD + (torch.cat(hashes) ^ place)
    return total


def _inputs_of(batch: Any) -> list[torch.Tensor]:
    """Return the inputs as tensors of the same length, whose rows hold two numbers or more."""
    if isinstance(batch, list | tuple) and batch and not _is_packed(batch):
        batch = batch[0]
    if isinstance(batch, Mapping):
        found = list(_of_mapping(batch))
    elif isinstance(batch, list | tuple) and not _is_packed(batch):
        found = [_as_tensor(one) for one in batch]
    else:
        found = [_as_tensor(batch)]
    if not found or any(not one.ndim or len(one) != len(found[0]) for one in found):
        raise NoFingerprintError("no inputs of one row a sample")
    if sum(one[0].numel() for one in found if len(one)) < 2:
        raise NoFingerprintError("a single number a sample tells too little")
    return found


def _of_mapping(batch: Mapping[Any, Any]) -> Iterator[torch.Tensor]:
    mask = batch.get(_MASK)
    arrays = {
        name: _as_tensor(value)
        for name, value in sorted(batch.items(), key=lambda item: str(item[0]))
        if _is_array(value) and not _is_told_apart_from_inputs(str(name).lower())
    }
    # beside whole rows, a column of single numbers is an index, a length or a weight
    has_rows = any(one.ndim > 1 for one in arrays.values())
    for one in arrays.values():
        if one.ndim > 1 or (one.ndim and not has_rows):
            is_masked = getattr(mask, "shape", None) == one.shape
            yield one * _as_tensor(mask) if is_masked else one


def _is_told_apart_from_inputs(name: str) -> bool:
    is_target = name in _TARGETS or name.startswith(_TARGET_PREFIXES)
    return is_target or name.endswith(_TARGET_SUFFIXES) or "mask" in name


def _is_array(value: Any) -> bool:
    return isinstance(value, torch.Tensor | np.ndarray)


def _is_packed(value: Any) -> bool:
    return isinstance(value, torch.nn.utils.rnn.PackedSequence)


def _as_tensor(value: Any) -> torch.Tensor:
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        value = torch.as_tensor(value)
    if not isinstance(value, torch.Tensor) or value.is_nested or value.layout != torch.strided:
        raise NoFingerprintError(f"inputs are of {type(value).__name__}")
    plain = value.detach()
    return plain if type(plain) is torch.Tensor else plain.as_subclass(torch.Tensor)


def _split(rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return torch.split(rows.reshape(len(rows), -1), _ROWS_AT_ONCE)


def _hashes(rows: torch.Tensor) -> torch.Tensor:
    width = rows.shape[1]
    if width > MOST_COLUMNS:
        rows = rows.index_select(1, _places(width, rows.device))
    words = _words(rows).mul_(_SPREAD)
    words ^= words >> 29
    sums = words.mul_(_factors(rows.device)[: words.shape[1]]).sum(1)
    return sums ^ (sums >> 32)


def _words(rows: torch.Tensor) -> torch.Tensor:
    """Return the numbers as integers, equal numbers as equal ones."""
    if rows.is_complex():
        rows = torch.view_as_real(rows).flatten(1)
    if rows.is_floating_point():
        # -0.0 becomes 0.0
        rows = (rows.to(torch.float32) + 0.0).view(torch.int32)
    return rows.to(torch.int64, copy=True)


@lru_cache(maxsize=8)
def _factors(device: torch.device) -> torch.Tensor:
    """Return odd factors, of which a complex row takes two a number."""
    drawn = np.random.default_rng(20260501).integers(-(2**62), 2**62, 2 * MOST_COLUMNS)
    return torch.as_tensor(2 * drawn + 1).to(device, non_blocking=True)


@lru_cache(maxsize=16)
def _places(width: int, device: torch.device) -> torch.Tensor:
    """Return the places that are read of long rows: one somewhere in each equal part."""
    within = np.random.default_rng(20260502).random(MOST_COLUMNS)
    places = (np.arange(MOST_COLUMNS) + within) * (width / MOST_COLUMNS)
    return torch.as_tensor(places.astype(np.int64)).to(device, non_blocking=True)
