"""Trains what is missing, in processes side by side; what is finished is kept at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from benchmarks.error_rates.cache import Cache, Kept
from benchmarks.error_rates.in_memory import recording
from benchmarks.error_rates.plan import RunSpec, setup_of
from benchmarks.error_rates.source_digests import digest_of
from benchmarks.error_rates.training import Loop

Task = TypeVar("Task")
Done = TypeVar("Done")
WORKERS = 2


def train(spec: RunSpec) -> Kept:
    """Train once, with the recorder watching."""
    setup = setup_of(spec)
    loop = Loop(setup, spec.seed)
    with recording(loop, setup) as (guard, sink):
        ended = loop.run(guard)
    return Kept.of_sink(spec, sink, ended)


def train_missing(specs: Iterable[RunSpec], cache: Cache, workers: int = WORKERS) -> int:
    """Train what is not kept yet, and return how many trainings that were.

    What trains in a process is kept before the next one starts: Ctrl-C loses only what is under
    way. The order is mixed, so that what was interrupted is still balanced.
    """
    missing = mixed(cache.missing(specs))
    tasks = [(spec, cache.folder.parent) for spec in missing]
    for _ in side_by_side(_train_and_keep, tasks, "trained", workers):
        pass
    return len(missing)


def mixed(specs: Iterable[RunSpec]) -> list[RunSpec]:
    """Return runs in an order that depends on nothing but each of them."""
    return sorted(specs, key=lambda spec: digest_of(repr(spec)))


def side_by_side(
    work: Callable[[Task], Done],
    tasks: Sequence[Task],
    word: str,
    workers: int = WORKERS,
    *,
    few: int = 0,
) -> Iterator[Done]:
    """Do tasks in other processes, and yield what came of them as they end.

    Args:
        work: What to do; can be imported from a module.
        tasks: What to do it with.
        word: What has been done to those that are counted on the terminal.
        workers: How many processes.
        few: So many tasks, or fewer, are done here: other processes take long to start.
    """
    if len(tasks) <= few:
        yield from map(work, tasks)
        return
    # the libraries read this when they are loaded
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare)
    progress = _Progress(len(tasks), word)
    try:
        futures: list[Future[Done]] = [pool.submit(work, task) for task in tasks]
        for future in as_completed(futures):
            yield future.result()
            progress.advance()
    finally:
        progress.end()
        pool.shutdown(wait=True, cancel_futures=True)


def _train_and_keep(task: tuple[RunSpec, Path]) -> None:
    spec, folder = task
    try:
        kept = train(spec)
    except Exception as error:
        raise RuntimeError(f"{spec} could not be trained") from error
    Cache(folder).save(kept)


def _prepare() -> None:
    import torch  # noqa: PLC0415 - only in a process that works

    torch.set_num_threads(1)
    # optimizers label each step for torch's profiler: 8 % of a training that nobody profiles
    setattr(torch.autograd.profiler, "record_function", nullcontext)  # noqa: B010 - a type to mypy
    # Ctrl-C is for the process that started this one: what is under way is finished and kept
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Progress:
    """A line of the terminal that says how far it is and how long it will take."""

    def __init__(self, total: int, word: str) -> None:
        self._total, self._word, self._done = total, word, 0
        self._start = time.monotonic()
        self._shown = self._start

    def advance(self) -> None:
        self._done += 1
        now = time.monotonic()
        every = 0.5 if sys.stderr.isatty() else 30.0
        if now - self._shown < every and self._done < self._total:
            return
        self._shown = now
        left = (now - self._start) / self._done * (self._total - self._done)
        line = f"{self._done}/{self._total} {self._word}, {left / 60:.1f} minutes left"
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"{line:<60}", end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        if sys.stderr.isatty():
            print(file=sys.stderr)
