"""What the driver says of the GPUs that a model is on."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable
from typing import Any

import torch

from tuneguard import keys

_logger = logging.getLogger(__name__)


class GpuSignals:
    """Reads utilisation and memory of single GPUs through NVIDIA's management library.

    The keys, and the numbers in them, are those of MLflow's own system metrics: a GPU's place
    among all of the machine, whatever the process is allowed to see. What cannot be read is not
    asked for again. Needs the package `nvidia-ml-py`.

    Args:
        uuids: The GPUs, as the driver names them.
    """

    def __init__(self, uuids: Iterable[str]) -> None:
        self._readings: list[Callable[[], dict[str, float]]] = []
        uuids = list(uuids)
        if not uuids:
            return
        try:
            library = importlib.import_module("pynvml")
            library.nvmlInit()
            for uuid in uuids:
                self._add(library, uuid)
        except Exception as error:  # noqa: BLE001 - without the library or the driver there is nothing to read
            _logger.debug("GPUs are not read: %r", error)

    def read(self) -> dict[str, float]:
        """Return what can be read now, by metric key; never raises."""
        found: dict[str, float] = {}
        for reading in tuple(self._readings):
            found.update(self._answer(reading))
        return found

    def _answer(self, reading: Callable[[], dict[str, float]]) -> dict[str, float]:
        try:
            return reading()
        except Exception as error:  # noqa: BLE001 - a driver may go at any time
            self._readings.remove(reading)
            _logger.debug("A GPU is not read any more: %r", error)
            return {}

    def _add(self, library: Any, uuid: str) -> None:
        handle = library.nvmlDeviceGetHandleByUUID(uuid)
        name = f"{keys.SYSTEM}/gpu_{library.nvmlDeviceGetIndex(handle)}"

        def utilisation() -> dict[str, float]:
            rates = library.nvmlDeviceGetUtilizationRates(handle)
            return {f"{name}_utilization_percentage": float(rates.gpu)}

        def memory() -> dict[str, float]:
            info = library.nvmlDeviceGetMemoryInfo(handle)
            return {
                f"{name}_memory_usage_megabytes": info.used / 1e6,
                f"{name}_memory_usage_percentage": 100.0 * info.used / info.total,
            }

        self._readings += [utilisation, memory]


def uuids_of(devices: Iterable[torch.device]) -> list[str]:
    """Return the driver's names of those among `devices` that are CUDA devices.

    >>> uuids_of([torch.device("cpu")])
    []
    """
    found: dict[str, None] = {}
    for device in devices:
        if device.type == "cuda":
            uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
            if uuid is not None:
                found[f"GPU-{uuid}"] = None
    return list(found)
