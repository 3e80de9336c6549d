"""The callback of the Trainer: opens a recording, feeds it, and shows what is found."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from tuneguard.findings import Finding
from tuneguard.lightning.announcements import Announcements
from tuneguard.lightning.framework import Callback, rank_zero_info, rank_zero_warn
from tuneguard.lightning.run_place import logged_keys, run_place
from tuneguard.lightning.trainer_settings import facts_of_data, known_to_trainer
from tuneguard.lightning.validation_metrics import validation_metrics
from tuneguard.recording import TuneGuardCallback as LoopCallback
from tuneguard.recording.arguments import require_positive, require_share
from tuneguard.recording.status import status_after

_KNOWN_TO_TRAINER = frozenset({"model", "optimizer", "scaler"})
_OPTIONS = frozenset(inspect.signature(LoopCallback).parameters) - _KNOWN_TO_TRAINER


class TuneGuardCallback(Callback):
    """Records what a `Trainer` fits into an MLflow run.

    Where each value is taken:

    - The loss: at `on_before_backward`, with the loss scale and the division by
      `accumulate_grad_batches` taken back.
    - The gradient, with automatic optimization: at `on_before_optimizer_step`, where it is
      complete after accumulation, averaged over the ranks, no longer scaled and not yet clipped
      by `gradient_clip_val` or `configure_gradient_clipping`, which come next. With manual
      optimization: at `on_after_backward`, after each `manual_backward` and so before
      `clip_gradients`; still scaled then, which is taken back.
    - Updates, learning rates and clipping: by a hook on the optimizer.
    - Metrics of a validation: at `on_validation_end`, without those of the sanity check.
    - Fingerprints of samples, to see whether any is in both splits: at `on_train_batch_start` of
      sampled steps, and at `on_validation_batch_start` of the first validation's first loader.

    The run is the one that MLflow has open when training begins: yours, or that of
    `mlflow.pytorch.autolog`; else that of the Trainer's `MLFlowLogger`; else one is started, and
    ended with the training. With `fast_dev_run` nothing is recorded. Findings are shown above
    the progress bar, and listed in Lightning's log at the end.

    Args:
        stop_early: Whether to end the training, by `trainer.should_stop`, once a critical fault
            has lasted that it does not mend. Several ranks ask each other every
            `log_every_n_steps` batches.
        on_finding: Called with each finding that lasts, on a thread of its own.
        **options: What else `tuneguard.TuneGuardCallback` takes; the Trainer knows the model, the
            optimizers and the scaler, and with automatic optimization the numbers of steps.

    Raises:
        TypeError: There is no such option.
        ValueError: An option makes no sense.

    Example:
        ```python
        trainer = Trainer(max_epochs=10, callbacks=[TuneGuardCallback()])
        trainer.fit(module, train_loader, validation_loader)
        ```
    """

    def __init__(
        self,
        *,
        stop_early: bool = False,
        on_finding: Callable[[Finding], object] | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        _check(options)
        self._stops_early = stop_early
        self._on_finding = on_finding
        self._options = options
        self._guard: LoopCallback | None = None
        self._run_id: str | None = None
        self._announcements: Announcements | None = None
        self._loss: torch.Tensor | None = None
        self._scaler: torch.amp.GradScaler | None = None
        self._knows_graph = False
        self._knows_keys = False
        self._is_accumulating = False
        self._before_validation: dict[str, Any] = {}

    @property
    def run_id(self) -> str | None:
        """The run of the latest training; `None` before it, and until rank 0 has said it."""
        return self._run_id if self._guard is None else self._guard.run_id

    @property
    def should_stop(self) -> bool:
        """Whether training on is pointless, as far as this rank knows."""
        return self._guard is not None and self._guard.should_stop

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Open the recording: the optimizers, their state and MLflow's run are there by now.

        Raises:
            ValueError: An option makes no sense for this training.
        """
        self._end(trainer, "FAILED")
        if trainer.fast_dev_run:
            rank_zero_info("tuneguard records nothing with fast_dev_run.")
            return
        if not trainer.optimizers:
            rank_zero_warn("tuneguard records nothing: there is no optimizer.")
            return
        if pl_module.automatic_optimization and "accumulate" in self._options:
            raise ValueError(
                "accumulate is for manual optimization; here the Trainer's "
                "accumulate_grad_batches holds."
            )
        known = known_to_trainer(trainer, pl_module)
        self._scaler = known["scaler"]
        self._loss, self._knows_graph, self._knows_keys = None, False, False
        self._is_accumulating = known.get("accumulate", 1) > 1
        self._announcements = Announcements(self._on_finding)
        is_watched = self._options.get("live", True) or self._on_finding is not None
        self._guard = LoopCallback(
            trainer.model if isinstance(trainer.model, nn.Module) else pl_module,
            trainer.optimizers,
            on_finding=self._announcements.put if is_watched else None,
            **{**known, **run_place(trainer), **self._options},
        )
        self._guard.describe(facts_of_data(trainer))

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take fingerprints of what is trained on, at steps that are sampled."""
        if self._guard is not None and self._guard.shared_samples.is_due:
            self._guard.shared_samples.trained_on(batch)

    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Take fingerprints of what is validated on: a second loader may hold training data."""
        if self._guard is not None and not dataloader_idx:
            self._guard.shared_samples.validated_on(batch)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: torch.Tensor) -> None:
        """Take the loss, and the gradient that earlier micro-batches of this step left."""
        if self._guard is None:
            return
        if self._loss is not None:
            self._guard.on_after_backward(self._loss, is_complete=False)
        is_divided = pl_module.automatic_optimization
        if not self._knows_graph:
            self._knows_graph = True
            scalings = int(is_divided) + int(self._scaler is not None)
            self._guard.describe_loss(loss, scalings=scalings)
        value = loss.detach()
        if self._scaler is not None and self._scaler.is_enabled():
            value = value / self._scaler.scale(torch.ones((), device=value.device))
        if is_divided and trainer.accumulate_grad_batches > 1:
            value = value * trainer.accumulate_grad_batches
        self._loss = value

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        """With manual optimization: measure the gradient, before the loop can clip it."""
        if not pl_module.automatic_optimization:
            self._measure(is_complete=None)

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """With automatic optimization: measure the gradient, before the Trainer clips it."""
        if pl_module.automatic_optimization:
            is_told = self._is_accumulating or trainer.accumulate_grad_batches > 1
            self._measure(is_complete=True if is_told else None)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show what was found meanwhile, and stop where that is asked for."""
        if self._guard is None:
            return
        if not self._knows_keys:
            self._knows_keys = True
            self._guard.leave_keys(logged_keys(trainer))
        if self._announcements is not None:
            self._announcements.show(trainer)
        every = 1 if trainer.world_size == 1 else trainer.log_every_n_steps
        if self._stops_early and every and (batch_idx + 1) % every == 0:
            self._stop_where_lost(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Learn which keys Lightning logs once an epoch."""
        if self._guard is not None:
            self._guard.leave_keys(logged_keys(trainer))

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Remember what was logged before."""
        if self._guard is not None:
            self._before_validation = dict(trainer.callback_metrics)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Record what was validated, at the optimizer step that was reached."""
        if self._guard is None:
            return
        self._guard.leave_keys(logged_keys(trainer))
        measured = validation_metrics(self._before_validation, trainer.callback_metrics)
        self._before_validation = {}
        if measured:
            self._guard.on_validation_end(measured)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Deliver what was recorded: by now the other callbacks have logged what they log."""
        self._end(trainer, "FINISHED")

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Deliver what was recorded until training failed, or was interrupted."""
        self._end(trainer, status_after(exception))

    def _measure(self, *, is_complete: bool | None) -> None:
        loss, self._loss = self._loss, None
        if self._guard is not None and loss is not None:
            self._guard.on_after_backward(loss, is_complete=is_complete)

    def _stop_where_lost(self, trainer: Any) -> None:
        is_lost = trainer.strategy.reduce_boolean_decision(self.should_stop, all=False)
        if is_lost and not trainer.should_stop:
            trainer.should_stop = True
            rank_zero_info("tuneguard stops the training: going on would not mend it.")

    def _end(self, trainer: Any, status: str) -> None:
        guard, self._guard = self._guard, None
        if guard is None or self._announcements is None:
            return
        guard.close(status)
        self._run_id = guard.run_id
        self._announcements.close(trainer, self._run_id)


def _check(options: Mapping[str, Any]) -> None:
    """Refuse what the recording would refuse later, when the training has begun."""
    for name in options:
        if name not in _OPTIONS:
            known = ", ".join(sorted(_OPTIONS | {"stop_early"}))
            reason = "the Trainer knows it" if name in _KNOWN_TO_TRAINER else f"known: {known}"
            raise TypeError(f"TuneGuardCallback takes no {name!r}: {reason}.")
    numbers = ("accumulate", "num_classes", "planned_steps", "flush_every")
    require_positive({name: options.get(name) for name in numbers})
    require_share("budget", options.get("budget", 1.0))
