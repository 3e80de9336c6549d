from __future__ import annotations

import logging
import resource
import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tuneguard.recording import process_signals
from tuneguard.recording.system_signals import SystemOutlet, SystemSignals
from tuneguard.spool.columns import Columns

MEMORY = "system/process_memory_megabytes"
CPU = "system/process_cpu_utilization_percentage"


class Driver(ModuleType):
    """Stands in for the driver of a machine with eight GPUs."""

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.is_gone = False
        self.asked: list[str] = []

    def nvmlInit(self) -> None:  # noqa: N802 - the driver's own names
        self._answer("init")

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:  # noqa: N802
        return int(uuid.removeprefix("GPU-"))

    def nvmlDeviceGetIndex(self, handle: int) -> int:  # noqa: N802
        return handle

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        self._answer(f"utilisation {handle}")
        return SimpleNamespace(gpu=10 * handle, memory=1)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        self._answer(f"memory {handle}")
        return SimpleNamespace(used=2_000_000_000, total=8_000_000_000)

    def _answer(self, question: str) -> None:
        self.asked.append(question)
        if self.is_gone:
            raise RuntimeError("driver not loaded")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """A driver, and a process that sees its GPUs 5 and 3 as its own 0 and 1."""
    simulated = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", simulated)
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda device: SimpleNamespace(uuid={0: "5", 1: "3"}[device.index]),
    )
    return simulated


def on_gpus(*places: int) -> Callable[[], list[torch.device]]:
    return lambda: [torch.device("cuda", place) for place in places]


def on_cpu() -> list[torch.device]:
    return [torch.device("cpu")]


def test_memory_is_that_of_this_process() -> None:
    ballast = np.ones(20_000_000)
    megabytes = SystemSignals(on_cpu).sample_if_due(0.0)[MEMORY]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    assert ballast.nbytes / 1e6 < megabytes <= peak * 1.01
    del ballast
    assert SystemSignals(on_cpu).sample_if_due(0.0)[MEMORY] < megabytes - 100


def test_a_busy_thread_uses_about_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([(10.0, 4.0), (12.0, 6.5)])
    now: list[float] = []

    def wall() -> float:
        now[:] = next(times)
        return now[0]

    monkeypatch.setattr(process_signals.time, "perf_counter", wall)
    monkeypatch.setattr(process_signals.time, "process_time", lambda: now[1])
    assert SystemSignals(on_cpu).sample_if_due(0.0)[CPU] == pytest.approx(125.0)


def test_memory_is_left_out_where_nothing_tells(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(process_signals, "_STATM", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert set(SystemSignals(on_cpu).sample_if_due(0.0)) == {CPU}
    memory = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=3_000_000))
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(Process=lambda: memory))
    assert SystemSignals(on_cpu).sample_if_due(0.0)[MEMORY] == 3.0


def test_samples_come_at_once_and_then_every_ten_seconds() -> None:
    signals = SystemSignals(on_cpu)
    taken = [now for now in range(100, 135) if signals.sample_if_due(float(now))]
    assert taken == [100, 110, 120, 130]


def test_gpus_of_the_model_are_named_by_their_place_in_the_machine(driver: Driver) -> None:
    found = SystemSignals(on_gpus(0)).sample_if_due(0.0)
    found.pop(MEMORY), found.pop(CPU)
    assert found == {
        "system/gpu_5_utilization_percentage": 50.0,
        "system/gpu_5_memory_usage_megabytes": 2000.0,
        "system/gpu_5_memory_usage_percentage": 25.0,
    }
    both = SystemSignals(on_gpus(0, 1, 0)).sample_if_due(0.0)
    assert "system/gpu_3_utilization_percentage" in both
    assert len(both) == 8


def test_a_model_on_the_cpu_asks_no_driver(driver: Driver) -> None:
    assert set(SystemSignals(on_cpu).sample_if_due(0.0)) == {MEMORY, CPU}
    assert driver.asked == []


def test_gpus_are_left_to_mlflow_where_it_records_them(driver: Driver) -> None:
    is_covered = [True]
    signals = SystemSignals(on_gpus(0), lambda: is_covered[0])
    assert set(signals.sample_if_due(0.0)) == {MEMORY, CPU}
    is_covered[0] = False
    assert len(signals.sample_if_due(20.0)) == 5


def test_a_driver_that_goes_is_said_once_and_not_asked_again(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "tuneguard")
    signals = SystemSignals(on_gpus(0))
    assert len(signals.sample_if_due(0.0)) == 5
    driver.is_gone = True
    for now in (10.0, 20.0, 30.0):
        assert set(signals.sample_if_due(now)) == {MEMORY, CPU}
    assert [record.levelname for record in caplog.records] == ["DEBUG"] * 2
    assert driver.asked[-2:] == ["utilisation 5", "memory 5"]


@pytest.mark.parametrize("what", ["no library", "no driver", "no uuid"])
def test_without_driver_or_library_the_process_is_measured(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "no library":
        monkeypatch.setitem(sys.modules, "pynvml", None)
    elif what == "no driver":
        driver.is_gone = True
    else:
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace())
    signals = SystemSignals(on_gpus(0))
    for now in (0.0, 10.0):
        assert set(signals.sample_if_due(now)) == {MEMORY, CPU}


def test_a_failure_ends_the_sampling_without_a_word_above_debug(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> bool:
        raise ArithmeticError("no")

    caplog.set_level(logging.DEBUG, "tuneguard")
    signals = SystemSignals(on_cpu, broken)
    assert signals.sample_if_due(0.0) == signals.sample_if_due(100.0) == {}
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


def test_a_sample_belongs_to_the_last_step_of_its_packet() -> None:
    packets: list[Any] = []
    threads: list[str] = []

    def devices() -> list[torch.device]:
        threads.append(threading.current_thread().name)
        return on_cpu()

    outlet = SystemOutlet(SimpleNamespace(put=packets.append), SystemSignals(devices))
    rows = [("train/loss", step, 5, 0.5) for step in (7, 9, 8)]
    outlet.put(SimpleNamespace(size=3, columns=lambda: Columns.from_rows(rows)))
    assert packets[0].size == 3
    assert threads == []

    found: list[Columns] = []
    writer = threading.Thread(target=lambda: found.append(packets[0].columns()), name="writer")
    writer.start()
    writer.join()
    points = {key: own.steps.tolist() for key, own in found[0].by_key()}
    assert points == {"train/loss": [7, 9, 8], MEMORY: [9], CPU: [9]}
    assert threads == ["writer"]
    assert packets[0].columns().keys == ("train/loss",)
