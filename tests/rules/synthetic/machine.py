"""Runs that the machine holds up."""

from __future__ import annotations

import numpy as np

from tests.rules.synthetic.run import STEPS, Run, beside, healthy, noise, steps


def starved(seed: int) -> Run:
    """A healthy run whose loop waits for data in some 70 % of its time."""
    wait = np.clip(0.7 + 0.1 * noise(seed + 1, STEPS, 0.5), 0.0, 1.0)
    others = {
        "time/step_seconds": (steps(), 0.3 * np.exp(0.2 * noise(seed + 2, STEPS))),
        "time/data_wait_fraction": (steps(), wait),
    }
    return beside(healthy(seed), others)


def idling(seed: int) -> Run:
    """A healthy run on a GPU that is used 8 % of the time, and whose memory is mostly free."""
    at = steps()[::10]
    others = {
        "system/gpu_0_utilization_percentage": (at, np.abs(8.0 + 4.0 * noise(seed, len(at)))),
        "system/gpu_0_memory_usage_percentage": (at, 9.0 + 0.2 * noise(seed + 1, len(at))),
    }
    return beside(healthy(seed), others)


def leaking(seed: int) -> Run:
    """A healthy run whose process grows by 5 MB a step, in which 2 GB are taken at the start."""
    at = steps()[::5]
    memory = 2000.0 + 5.0 * at + 20.0 * noise(seed, len(at), 0.5)
    return beside(healthy(seed), {"system/process_memory_megabytes": (at, memory)})


def skewed(seed: int) -> Run:
    """A healthy run of several ranks, one of which takes twice as long as the others."""
    others = {
        "time/step_seconds": (steps(), 0.3 * np.exp(0.1 * noise(seed + 2, STEPS))),
        "rank/step_seconds_skew": (steps(), 2.0 * np.exp(0.1 * noise(seed + 3, STEPS))),
    }
    return beside(healthy(seed), others)
