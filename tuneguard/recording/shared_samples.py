"""How many of the samples that are trained on are among those validated on."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.recording.device_copy import DeviceCopy
from tuneguard.recording.outlet import Outlet
from tuneguard.recording.pace import Pace
from tuneguard.recording.row_fingerprints import row_fingerprints
from tuneguard.recording.schedule import Look
from tuneguard.recording.unbreakable import unbreakable
from tuneguard.spool.columns import Columns

Fingerprints = NDArray[np.int64]

MOST_VALIDATED = 20_000
MOST_EXAMINED = 65_536
MOST_OF_A_BATCH = 64
_GROWTH = 1.25


class SharedSamples:
    """Compares fingerprints of what is trained on with those of what is validated on.

    Of validation the first pass is taken, its first `MOST_VALIDATED` samples; of training the
    first `MOST_OF_A_BATCH` samples of a batch, at the steps that are sampled anyway, until
    `MOST_EXAMINED` were. Only fingerprints are held, and nothing but counts is handed over. A
    batch that has none is passed over. Samples on a device are hashed there, and nobody waits.

    Args:
        pace: Knows which steps are sampled, and takes in what that costs.
        outlet: Where the counts go.
        is_idle: Whether this is for another rank to do.

    Attributes:
        passed_over: Why batches were passed over, where some were.
    """

    def __init__(self, pace: Pace, outlet: Outlet, *, is_idle: bool = False) -> None:
        self.process = os.getpid()
        self.failed: set[str] = set()
        self.passed_over = ""
        self._pace = pace
        self._outlet = outlet
        self._is_idle = is_idle
        self._trained: list[torch.Tensor] = []
        self._validated: list[torch.Tensor] = []
        self._examined = 0
        self._handed_over = 0
        self._room = MOST_VALIDATED
        self._knows_validation = False
        self._ledger = _Ledger()

    @property
    def is_due(self) -> bool:
        """Whether the training batch that comes now is looked at."""
        is_wanted = not self._is_idle and self._examined < MOST_EXAMINED
        return is_wanted and self._pace.look is Look.SAMPLE

    @property
    def wants_validation(self) -> bool:
        """Whether more is to be known of the first pass over the validation data."""
        return not self._is_idle and not self._knows_validation and self._room > 0

    @unbreakable
    def trained_on(self, batch: Any) -> None:
        """Take in a training batch of a step that is sampled."""
        started = time.perf_counter()
        found = self._fingerprints(batch, MOST_OF_A_BATCH)
        if found is not None:
            self._trained.append(found)
            self._examined += len(found)
        self._pace.sampled(started)

    @unbreakable
    def validated_on(self, batch: Any) -> None:
        """Take in a batch of the first pass over the validation data."""
        found = self._fingerprints(batch, self._room) if self.wants_validation else None
        if found is not None:
            self._validated.append(found)
            self._room -= len(found)

    def validation_ends(self) -> None:
        """Take in that a pass over the validation data is over."""
        self._knows_validation = self._knows_validation or self._room < MOST_VALIDATED

    @unbreakable
    def hand_over(self, step: int, *, is_last: bool = False) -> None:
        """Have both compared on the writer's thread, where that is worth while.

        Args:
            step: The step reached.
            is_last: Whether nothing more comes.
        """
        self.validation_ends()
        if not self._knows_validation:
            # validation is not ours to see: what is trained on need not be kept for it
            self._is_idle, self._trained = True, []
            return
        least = self._handed_over if is_last else _GROWTH * self._handed_over
        if self._examined > least:
            self._handed_over = self._examined
            packet = _Counts(self._ledger, self._trained, self._validated, step)
            self._trained, self._validated = [], []
            self._outlet.put(packet)

    def _fingerprints(self, batch: Any, most: int) -> torch.Tensor | None:
        try:
            return row_fingerprints(batch, most)
        except Exception as error:  # noqa: BLE001 - a batch may be of any class, whatever its methods do
            self.passed_over = self.passed_over or str(error) or repr(error)
            return None


class _Ledger:
    """All fingerprints so far; used on the writer's thread only."""

    def __init__(self) -> None:
        self._trained = np.zeros(0, np.int64)
        self._validated = np.zeros(0, np.int64)

    def add(self, trained: Fingerprints, validated: Fingerprints) -> dict[str, float]:
        """Take in fingerprints, and return the counts by metric key."""
        self._trained = np.concatenate([self._trained, trained])
        self._validated = np.concatenate([self._validated, validated])
        known, copies = np.unique(self._validated, return_counts=True)
        distinct, copies_trained = np.unique(self._trained, return_counts=True)
        is_known = np.isin(self._trained, known)
        met = known[np.isin(known, distinct)]
        counts = {
            keys.VALIDATION_SAMPLES: len(self._validated),
            keys.REPEATED_VALIDATION_SAMPLES: copies[copies > 1].sum(),
            keys.EXAMINED_SAMPLES: len(self._trained),
            keys.DISTINCT_EXAMINED_SAMPLES: len(distinct),
            keys.REPEATED_EXAMINED_SAMPLES: copies_trained[copies_trained > 1].sum(),
            keys.SHARED_EXAMINED_SAMPLES: is_known.sum(),
            keys.SHARED_VALIDATION_SAMPLES: len(met),
        }
        return {key: float(count) for key, count in counts.items()}


class _Counts:
    """A packet of what is shared, counted when its values are read."""

    size = 7

    def __init__(
        self,
        ledger: _Ledger,
        trained: Sequence[torch.Tensor],
        validated: Sequence[torch.Tensor],
        step: int,
    ) -> None:
        self._ledger = ledger
        self._row = step, time.time_ns() // 1_000_000
        self._copies = [_copied(trained), _copied(validated)]

    def columns(self) -> Columns:
        counts = self._ledger.add(*(_read(copy) for copy in self._copies))
        return Columns.from_rows((key, *self._row, value) for key, value in counts.items())


def _copied(fingerprints: Sequence[torch.Tensor]) -> DeviceCopy:
    """Send them to the host in halves: a copy comes as floats, which hold 32 bits exactly."""
    return DeviceCopy([one.view(torch.int32) for one in fingerprints])


def _read(copy: DeviceCopy) -> Fingerprints:
    halves = [np.zeros(0), *copy.read()]
    return np.concatenate(halves).astype(np.int32).view(np.int64)
