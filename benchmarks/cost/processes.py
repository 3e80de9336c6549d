"""Processor time and memory of this process and of those that it started."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_KIBIBYTES = 1024
_MEBIBYTE = 2**20


def cpu_seconds() -> float:
    """Return the processor time of all threads, and of child processes where they are known."""
    return time.process_time() + sum(_cpu_seconds_of(pid) for pid in _descendants(os.getpid()))


def peak_megabytes() -> float:
    """Return the most memory that this process has held at once, and its children each, in MiB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTES / _MEBIBYTE
    return own + sum(_status(pid, "VmHWM") for pid in _descendants(os.getpid()))


def resident_megabytes() -> float:
    """Return the memory that this process holds now, in MiB."""
    return _status(os.getpid(), "VmRSS")


def _descendants(pid: int) -> Iterator[int]:
    for children in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            found = [int(one) for one in children.read_text(encoding="ascii").split()]
        except OSError:
            continue
        for child in found:
            yield child
            yield from _descendants(child)


def _cpu_seconds_of(pid: int) -> float:
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, field: str) -> float:
    try:
        lines = (_PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) * _KIBIBYTES / _MEBIBYTE if found else 0.0
