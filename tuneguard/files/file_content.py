"""What a history file may hold, before it becomes a history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tuneguard.history import Series, Status


@dataclass(frozen=True)
class FileContent:
    """What was read out of a file.

    Attributes:
        series: The series by name.
        params: Settings of the run, where the file has them.
        axis: What the steps count, where the file says so.
        status: How the run stands, where the file says so.
        planned_steps: How many steps were planned, where the file says so.
        notes: What was left out.
    """

    series: Mapping[str, Series]
    params: Mapping[str, object] = field(default_factory=dict)
    axis: Literal["step", "epoch"] | None = None
    status: Status | None = None
    planned_steps: int | None = None
    notes: Sequence[str] = ()
