"""The callback of `model.fit`."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

from tuneguard.findings import Finding
from tuneguard.keras.display import Display
from tuneguard.keras.fit_hooks import FitHooks, inner_optimizer
from tuneguard.keras.optimizer_likeness import likeness_of
from tuneguard.keras.portrait import Portrait
from tuneguard.keras.task import facts_of_loss
from tuneguard.recording.arguments import require_positive, require_share
from tuneguard.recording.callback import TuneGuardCallback as RecordingCallback
from tuneguard.recording.timed_batches import samples_in

_VALIDATION = "val_"
_KNOWN_TO_KERAS = frozenset({"model", "optimizer", "scaler", "accumulate", "first_step"})
_OPTIONS = frozenset(inspect.signature(RecordingCallback).parameters) - _KNOWN_TO_KERAS


class TuneGuardCallback(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore] # no types where Keras is not installed
    """Records `model.fit` into an MLflow run.

    Loss of each batch, gradient norms, learning rates, update sizes, times, and at the end of an
    epoch what was validated, go to the run that is given, or is active, or is started (and then
    ended) here. `mlflow.keras.autolog` opens its run before: then one run holds both. `step` is
    the optimizer's step everywhere. Gradients are measured where they are complete: after
    `gradient_accumulation_steps` and the scaling of the loss were taken back, before `clipnorm`,
    `clipvalue` and `global_clipnorm`. The model and its optimizer are as before when `fit` ends.

    Only the optimizer that the model was compiled with is followed. A `train_step` of your own
    has to call `self.compute_loss` and `self.optimizer.apply`.

    Args:
        stop_early: Whether to end `fit` once a critical fault has lasted that training on does
            not mend.
        on_finding: Called with each finding, on a thread of its own that nobody waits for.
        **options: What else `tuneguard.TuneGuardCallback` takes; model, optimizer and numbers of
            steps are Keras' to know, and `task` is found out where the loss is one of Keras' own.

    Raises:
        TypeError: There is no such option.
        ValueError: An option makes no sense.

    Example:
        ```python
        model.fit(inputs, targets, epochs=10, callbacks=[TuneGuardCallback()])
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
        unknown = sorted(set(options) - _OPTIONS)
        if unknown:
            known = ", ".join(sorted(_OPTIONS))
            raise TypeError(f"there is no option {', '.join(unknown)}. Options: {known}.")
        require_positive(
            {name: options.get(name) for name in ("num_classes", "planned_steps", "flush_every")}
        )
        require_share("budget", options.get("budget", 1.0))
        self._options = options
        self._stops_early = stop_early
        self._on_finding = on_finding
        self._display: Display | None = None
        self._guard: RecordingCallback | None = None
        self._hooks: FitHooks | None = None
        self._asked = 0.0
        self._waited = 0.0
        self._is_validating = False

    @property
    def run_id(self) -> str | None:
        """The run that is or was recorded into; `None` before `fit`."""
        return None if self._guard is None else self._guard.run_id

    @property
    def should_stop(self) -> bool:
        """Whether training on is pointless, as far as is known."""
        return self._guard is not None and self._guard.should_stop

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Begin to record.

        Raises:
            ValueError: An argument makes no sense, or nothing of the model can be trained.
            TuneGuardError: The optimizer is of another make.
        """
        self._end("FAILED")
        inner = inner_optimizer(self.model.optimizer)
        portrait = Portrait(self.model)
        trained = [one.value for one in self.model.trainable_variables]
        if not trained:
            raise ValueError("the model has no trainable variables: there is nothing to record.")
        steps = likeness_of(inner, trained)
        hooks = FitHooks(
            self.model, steps, lambda *batch: self._on_batch(portrait, *batch), self._on_evaluated
        )
        display = Display(self._on_finding)
        guard = RecordingCallback(
            portrait,
            steps,
            first_step=int(inner.iterations),
            on_finding=display.put if self._is_watched else None,
            **{**self._facts(inner), **self._options},
        )
        self._display, self._guard, self._hooks = display, guard, hooks
        hooks.install(guard, when_displaced=lambda: self._end("FAILED"))

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        """Begin to wait for data."""
        self._asked = time.perf_counter()

    def on_train_batch_begin(self, *_: Any, **__: Any) -> None:
        """Take the time that was waited for data."""
        self._waited = time.perf_counter() - self._asked

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """Stop where it was asked for and training on is pointless."""
        if self._display is not None:
            self._display.show()
            if self._stops_early and self.should_stop and not self.model.stop_training:
                self.model.stop_training = True
                self._display.stopped()
        self._asked = time.perf_counter()

    def on_test_begin(self, *_: Any, **__: Any) -> None:
        """Begin to compare samples: `fit` validates, and not somebody else."""
        self._is_validating = True

    def on_test_end(self, *_: Any, **__: Any) -> None:
        """Take no notice of what else is evaluated."""
        self._is_validating = False

    def on_epoch_end(self, _: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record what was validated."""
        validated = {
            name.removeprefix(_VALIDATION): value
            for name, value in (logs or {}).items()
            if name.startswith(_VALIDATION)
        }
        if self._guard is not None and validated:
            self._guard.on_validation_end(validated)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Deliver what was recorded, and end the run if it was started here."""
        self._end("FINISHED")

    def _facts(self, optimizer: Any) -> dict[str, Any]:
        """Return what is known of the training: told by the user, or found out."""
        steps, epochs = self.params.get("steps"), self.params.get("epochs")
        batches = (optimizer.gradient_accumulation_steps or 1) if steps else 1
        found: dict[str, Any] = facts_of_loss(self.model.loss)
        if steps and epochs:
            found["planned_steps"] = max(1, steps * epochs // batches)
        return found

    @property
    def _is_watched(self) -> bool:
        return bool(self._options.get("live", True)) or self._on_finding is not None

    def _on_batch(self, portrait: Portrait, inputs: Any, outputs: Any) -> None:
        if self._guard is not None:
            self._guard._on_batch(self._waited, samples_in(inputs))  # noqa: SLF001 - Keras has the loop
            self._waited = 0.0
            if self._guard.shared_samples.is_due:
                self._guard.shared_samples.trained_on((inputs,))
        portrait(inputs, outputs)

    def _on_evaluated(self, inputs: Any) -> None:
        if self._guard is not None and self._is_validating:
            self._guard.shared_samples.validated_on((inputs,))

    def _end(self, status: str) -> None:
        hooks, self._hooks = self._hooks, None
        if hooks is not None:
            hooks.remove()
        if self._guard is not None:
            self._guard.close(status)
        display, self._display = self._display, None
        if display is not None:
            display.finish(self.run_id)
