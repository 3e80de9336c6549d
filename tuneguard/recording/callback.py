"""The callback: the few calls that a training loop makes."""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch import nn

from tuneguard.findings import Finding
from tuneguard.recording.arguments import (
    checked_first_step,
    checked_optimizers,
    checked_scaler,
    require_model,
    require_positive,
    require_share,
)
from tuneguard.recording.loss_graph import loss_graph
from tuneguard.recording.loss_mean import LossMean, described, measured_loss
from tuneguard.recording.measured_values import validation_values
from tuneguard.recording.recorder import FLUSH_STEPS
from tuneguard.recording.status import status_after
from tuneguard.recording.timed_batches import TimedBatches, ValidationBatches
from tuneguard.recording.unbreakable import unbreakable
from tuneguard.recording.wiring import Place, Wiring

Batch = TypeVar("Batch")


class TuneGuardCallback:
    """Records a training loop into an MLflow run.

    Loss, gradient norms, learning rates, update sizes, validation metrics and times go to the
    run that is given, or is active, or is started (and then ended) here: a run of your own has to
    be open before. In a distributed training each rank makes a callback, and that of rank 0
    writes. No call waits for the device or for a server, none changes what is trained,
    and none raises but the constructor.

    Args:
        model: The model that is trained.
        optimizer: The optimizer that trains it, or several; their steps are hooked.
        scaler: The `GradScaler` in use, so that norms are unscaled and skipped steps are seen;
            not needed where Accelerate prepared the optimizer, which then knows it.
        accumulate: Micro-batches in an optimizer step.
        task: What is learned, such as `classification` or `regression`.
        num_classes: Number of classes of a classification.
        higher_is_better: Direction of validation metrics, by name.
        planned_steps: How many optimizer steps are planned.
        budget: Share of the loop's time for sampling gradients, updates and units: as often as
            it allows. What every step costs comes on top; where that is more, samples get less.
        first_step: The optimizer step at which a resumed run goes on; where not given, the
            number of steps in the optimizer's own state (Adam and the like keep it), else 0.
        run_id: An existing run to record into; its status is left alone.
        tracking_uri: The tracking store; MLflow's own choice where not given.
        experiment: Name of the experiment for a run that is started here.
        flush_every: Steps that are handed over together, at most; after two seconds, fewer are.
        spool: Folder for what MLflow has not taken yet; $TUNEGUARD_SPOOL or the user's cache
            where not given.
        live: Whether the run is diagnosed while it trains: what lasts is logged, and is in the
            run's tags.
        on_finding: Called with each such finding, on a thread of its own that nobody waits for.

    Raises:
        ValueError: An argument makes no sense.

    Example:
        ```python
        with TuneGuardCallback(model, optimizer) as guard:
            for inputs, targets in guard.batches(loader):
                optimizer.zero_grad()
                loss = criterion(model(inputs), targets)
                loss.backward()
                guard.on_after_backward(loss)
                optimizer.step()
        ```
    """

    def __init__(  # noqa: PLR0913 - each names one thing that only the user knows
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | Sequence[torch.optim.Optimizer],
        *,
        scaler: torch.amp.GradScaler | None = None,
        accumulate: int = 1,
        task: str | None = None,
        num_classes: int | None = None,
        higher_is_better: Mapping[str, bool] | None = None,
        planned_steps: int | None = None,
        budget: float = 0.01,
        first_step: int | None = None,
        run_id: str | None = None,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        flush_every: int = FLUSH_STEPS,
        spool: str | os.PathLike[str] | None = None,
        live: bool = True,
        on_finding: Callable[[Finding], object] | None = None,
    ) -> None:
        require_model(model)
        sizes = {"accumulate": accumulate, "num_classes": num_classes}
        sizes["planned_steps"] = planned_steps
        require_positive({**sizes, "flush_every": flush_every})
        require_share("budget", budget)
        optimizers = checked_optimizers(optimizer)
        scaler = checked_scaler(scaler, optimizer)
        first_step = checked_first_step(first_step, optimizers)
        self.process = os.getpid()
        self.failed: set[str] = set()
        self._loss = LossMean(accumulate)
        self._left_out: set[str] = set()
        place = Place(run_id, tracking_uri, experiment, spool)
        facts = {"task": task, **sizes}
        wiring = Wiring(model, optimizers, facts, higher_is_better or {})
        self._facts = wiring.facts
        self._spool, self._sink, self._group = wiring.open(place, first_step)
        self._watch = wiring.watch(on_finding) if live or on_finding is not None else None
        self._recorder = wiring.recorder(
            budget=budget, scaler=scaler, flush_every=flush_every, losses=self._loss
        )
        self._short_way = self._recorder.short_way
        self.shared_samples = self._recorder.shared
        self._sink.on_idle = self._recorder.loop_stands_still
        self._is_closed = False
        self._knows_graph = False
        atexit.register(self._close_at_exit)

    @property
    def run_id(self) -> str | None:
        """The run that is recorded into; `None` while the store could not be asked for one.

        Ranks after the first learn it from rank 0, a moment later.
        """
        return self._spool.ticket.run_id

    @property
    def should_stop(self) -> bool:
        """Whether training on is pointless: a critical fault has lasted that it does not mend.

        True once a NaN that stays, a divergence or a run that learns nothing has been seen long
        enough (see *Get alerts* in the documentation). Known to rank 0 only: where several ranks
        train, it has to tell the others before any of them stops.
        """
        return self._watch is not None and self._watch.should_stop

    def on_after_backward(
        self, loss: torch.Tensor | float, *, is_complete: bool | None = None
    ) -> None:
        """Measure the gradient; to be called after each `backward()`, before clipping.

        Args:
            loss: The loss of the micro-batch, one element, as it is before a `GradScaler`
                scales it: `loss`, not `scaler.scale(loss)`.
            is_complete: Whether this was the step's last micro-batch, where the loop knows;
                else they are counted, up to `accumulate`.
        """
        if is_complete is not None or not self._short_way.begin(loss):
            self._begin(loss, is_complete)

    @unbreakable
    def _begin(self, loss: torch.Tensor | float, is_complete: bool | None) -> None:
        entered = time.perf_counter()
        if self._is_closed:
            self._check_open()
        if not self._knows_graph:
            self.describe_loss(loss)
        measured = measured_loss(loss)
        if self._loss.is_single and is_complete is None:
            self._recorder.begin_step(measured, entered)
        elif self._loss.add(measured, is_last=is_complete):
            self._recorder.begin_step(self._loss.take(), entered)
        elif self._group is None:
            # with several ranks nobody can tell whether this gradient is averaged over them
            self._recorder.micro_batch()
        if measured is None:
            raise TypeError(f"the loss must be one real number, not {described(loss)}")

    @unbreakable
    def describe_loss(self, loss: torch.Tensor | float, *, scalings: int = 0) -> None:
        """Note which operations a loss came out of, and take no notice of any later one.

        The first `on_after_backward` does so, unless this was called before it: for loops that
        have no more than a number there.

        Args:
            loss: A loss with its graph.
            scalings: How many constants it was multiplied by last that its value is without.
        """
        self._knows_graph = True
        graph = loss_graph(loss, scalings)
        if graph is not None:
            self._learn({"loss_graph": graph})

    @unbreakable
    def on_validation_end(self, metrics: Mapping[str, Any]) -> None:
        """Record the results of a validation at the optimizer step that was reached.

        Args:
            metrics: Numbers or tensors of one element, by name, such as `loss` and `accuracy`.
        """
        self._check_open()
        self._recorder.add(validation_values(metrics, self._left_out))

    def batches(self, loader: Iterable[Batch]) -> TimedBatches[Batch]:
        """Return what yields the batches of `loader`, timing the wait for each.

        Args:
            loader: Any iterable; the length stays known where it is.
        """
        self._describe_data(loader)
        return TimedBatches(loader, self._on_batch, self.shared_samples)

    def validation_batches(self, loader: Iterable[Batch]) -> ValidationBatches[Batch]:
        """Return what yields the batches of `loader`, to see whether `batches` has them, too.

        Args:
            loader: Any iterable; the length stays known where it is.
        """
        return ValidationBatches(loader, self.shared_samples)

    @unbreakable
    def describe(self, facts: Mapping[str, str | float]) -> None:
        """Have settings of the training known that only its framework knows.

        Args:
            facts: Such as `batch_size` and `train_samples`, by name.
        """
        self._learn({name: str(value) for name, value in facts.items()})

    @unbreakable
    def leave_keys(self, names: Iterable[str]) -> None:
        """Leave keys to what logs them: ours are put under `tuneguard/` before there are any."""
        self._sink.leave(names)

    def close(self, status: str = "FINISHED") -> None:
        """Deliver what was recorded, and end the run if it was started here.

        Waits for the store for 15 seconds at most; the rest is for `tuneguard sync`. Closing
        again does nothing.

        Args:
            status: How the training ended: `FINISHED`, `FAILED` or `KILLED`.
        """
        if not self._is_closed:
            self._is_closed = True
            self._close(status)

    def __enter__(self) -> TuneGuardCallback:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(status_after(error))

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("the callback is closed already")

    @unbreakable
    def _close(self, status: str) -> None:
        atexit.unregister(self._close_at_exit)
        try:
            self._recorder.close()
            if self._group is not None:
                self._group.finish()
        finally:
            self._sink.close(status)
            if self._group is not None:
                self._group.leave()

    def _close_at_exit(self) -> None:
        is_interactive = hasattr(sys, "ps1")
        self.close(status_after(None if is_interactive else getattr(sys, "last_value", None)))

    @unbreakable
    def _on_batch(self, seconds: float, samples: int) -> None:
        self._recorder.clock.waited(seconds, samples)
        if samples and "batch_size" not in self._facts:
            self._learn({"batch_size": str(samples)})

    @unbreakable
    def _describe_data(self, loader: object) -> None:
        dataset = getattr(loader, "dataset", None)
        if isinstance(dataset, Sized) and "train_samples" not in self._facts:
            self._learn({"train_samples": str(len(dataset))})

    def _learn(self, facts: Mapping[str, str]) -> None:
        self._facts |= facts
        self._sink.describe(params=dict(self._facts))
