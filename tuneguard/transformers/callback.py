"""The callback of the Trainer: opens a recording, feeds it, and says what was found."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState

from tuneguard.findings import Finding
from tuneguard.recording import TuneGuardCallback as LoopCallback
from tuneguard.recording.arguments import require_positive, require_share
from tuneguard.transformers.announcements import Announcements
from tuneguard.transformers.calling_trainer import calling_trainer
from tuneguard.transformers.evaluation_metrics import evaluation_metrics
from tuneguard.transformers.model_task import model_task
from tuneguard.transformers.trainer_taps import TrainerTaps

_KNOWN_TO_THE_TRAINER = frozenset(
    {"model", "optimizer", "scaler", "accumulate", "planned_steps", "first_step"}
)
_OPTIONS = frozenset(inspect.signature(LoopCallback).parameters) - _KNOWN_TO_THE_TRAINER
_ASK_THE_OTHERS_EVERY = 10

_logger = logging.getLogger(__name__)


class TuneGuardCallback(TrainerCallback):  # type: ignore[misc, unused-ignore] # no types where transformers is not installed
    """Records what a `Trainer` trains into an MLflow run.

    The loss is that of every micro-batch as `Trainer.training_step` returns it: what is logged is
    a mean over `logging_steps`, without what is not finite. The gradient is read when the last
    `training_step` of an optimizer step returns: complete after accumulation, averaged over the
    ranks, not scaled, and before `clip_grad_norm_`, after which the first event of the
    optimizer step, `on_pre_optimizer_step`, would come. Results of evaluations go along.

    The run is that which MLflow has open when the first epoch begins; with `report_to="mlflow"`
    that is the Trainer's own, wherever this callback stands among the others. Without any, one is
    started, and ended with the training. Nothing here stops the training, unless that is asked.

    Args:
        stop_early: Whether to end the training, by `control.should_training_stop`, once a
            critical fault has lasted that it does not mend; all ranks stop at the same step.
        on_finding: Called with each finding that lasts, on a thread of its own.
        **options: What else `tuneguard.TuneGuardCallback` takes; the Trainer knows the model,
            the optimizer, the scaler and the numbers of steps.

    Raises:
        TypeError: There is no such option.
        ValueError: An option makes no sense.

    Example:
        ```python
        trainer = Trainer(model, args, train_dataset=data, callbacks=[TuneGuardCallback()])
        trainer.train()
        ```
    """

    def __init__(
        self,
        *,
        stop_early: bool = False,
        on_finding: Callable[[Finding], object] | None = None,
        **options: Any,
    ) -> None:
        _check(options)
        self._stops_early = stop_early
        self._on_finding = on_finding
        self._options = options
        self._is_training = False
        self._recording: _Recording | None = None
        self._run_id: str | None = None

    @property
    def run_id(self) -> str | None:
        """The run of this training or, between trainings, of the last one."""
        return self._run_id if self._recording is None else self._recording.guard.run_id

    def close(self, status: str = "FINISHED") -> None:
        """End the recording; the Trainer does so, unless an exception ended the training.

        Args:
            status: How the training ended: `FINISHED`, `FAILED` or `KILLED`.
        """
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.close(status)
            self._run_id = recording.guard.run_id

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Let go of a training that an exception ended; the others may open their run now."""
        self.close("FAILED")
        self._is_training = True

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """Open the recording at the first epoch: model and optimizer are prepared by now."""
        self._open()

    def on_evaluate(self, *_: Any, metrics: Mapping[str, Any] | None = None, **__: Any) -> None:
        """Record the results of an evaluation within the training."""
        self._open()
        if self._recording is not None and metrics:
            self._recording.guard.on_validation_end(evaluation_metrics(metrics))

    def on_step_end(
        self, _args: object, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """End the training where that was asked for, and it is lost."""
        if self._stops_early and self._recording is not None:
            control.should_training_stop |= self._recording.is_lost(state.global_step)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """End the recording, and say what was found."""
        self._is_training = False
        self.close()

    def _open(self) -> None:
        if not self._is_training or self._recording is not None:
            return
        try:
            self._recording = _Recording(calling_trainer(), self._on_finding, self._options)
        except Exception as error:
            self._is_training = False
            _logger.warning("The training is not recorded: %s", error, exc_info=_is_debugged())


class _Recording:
    """One training, and all that is attached to its Trainer meanwhile.

    Args:
        trainer: The Trainer.
        on_finding: Called with each finding.
        options: What the user says of the recording.
    """

    def __init__(
        self,
        trainer: Trainer,
        on_finding: Callable[[Finding], object] | None,
        options: Mapping[str, Any],
    ) -> None:
        self._trainer = trainer
        is_watched = options.get("live", True) or on_finding is not None
        self._announcements = Announcements(on_finding)
        self.guard = LoopCallback(
            trainer.model_wrapped,
            trainer.optimizer,
            accumulate=trainer.args.gradient_accumulation_steps,
            planned_steps=trainer.state.max_steps,
            first_step=trainer.state.global_step,
            on_finding=self._announcements.put if is_watched else None,
            **{**model_task(trainer.model), **options},
        )
        self._taps = TrainerTaps(trainer, self.guard)

    def is_lost(self, step: int) -> bool:
        """Return whether the training is to end; all ranks get the same answer.

        Args:
            step: The optimizer steps that were taken.
        """
        accelerator = self._trainer.accelerator
        if accelerator.num_processes == 1:
            return self.guard.should_stop
        if step % _ASK_THE_OTHERS_EVERY:
            return False
        if self.guard.should_stop:
            accelerator.set_trigger()
        return bool(accelerator.check_trigger())

    def close(self, status: str) -> None:
        """Detach everything, deliver what was recorded, and say what was found."""
        self._taps.remove()
        self.guard.close(status)
        self._announcements.close(
            self.guard.run_id if self._trainer.is_world_process_zero() else None
        )


def _check(options: Mapping[str, Any]) -> None:
    """Refuse what the recording would refuse later, when the training has begun."""
    for name in options:
        if name not in _OPTIONS:
            known = ", ".join(sorted(_OPTIONS | {"stop_early"}))
            reason = "the Trainer says it" if name in _KNOWN_TO_THE_TRAINER else f"known: {known}"
            raise TypeError(f"TuneGuardCallback takes no {name!r}: {reason}.")
    require_positive({name: options.get(name) for name in ("num_classes", "flush_every")})
    require_share("budget", options.get("budget", 1.0))


def _is_debugged() -> bool:
    return _logger.isEnabledFor(logging.DEBUG)
