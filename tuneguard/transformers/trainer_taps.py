"""Where the recording listens in: four methods of one Trainer, for the time of a training."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from transformers import Trainer

from tuneguard.recording import TuneGuardCallback
from tuneguard.recording.unbreakable import unbreakable
from tuneguard.transformers.loss_shares import LossShares

_Method = Callable[..., Any]


class TrainerTaps:
    """Wraps methods of a Trainer, not of its class; other Trainers stay as they are.

    `get_batch_samples` is timed, and tells how many micro-batches the step has. `training_step`
    returns the loss of a micro-batch when its gradient has been added. `compute_loss` has it with
    its graph, of which the first is described. `prediction_step` has the batches of evaluations,
    which are compared with those that are trained on.

    Args:
        trainer: The Trainer.
        guard: What records.
    """

    def __init__(self, trainer: Trainer, guard: TuneGuardCallback) -> None:
        self.process = os.getpid()
        self.failed: set[str] = set()
        self._trainer = trainer
        self._guard = guard
        self._accumulates = trainer.args.gradient_accumulation_steps > 1
        self._shares = LossShares(trainer)
        self._micro_batches = 1
        self._seen = 0
        self._knows_graph = False
        self._removals: list[Callable[[], None]] = []
        guard.batches(trainer.callback_handler.train_dataloader)  # tells how much data there is
        self._tap("get_batch_samples", self._timed)
        self._tap("training_step", self._followed)
        self._tap("compute_loss", self._described)
        self._tap("prediction_step", self._compared)

    def remove(self) -> None:
        """Give the Trainer its methods back, unless somebody else has wrapped them since."""
        for removal in self._removals:
            removal()
        self._removals.clear()

    def _tap(self, name: str, wrapped: Callable[[_Method], _Method]) -> None:
        original = getattr(self._trainer, name, None)
        if original is None:
            return
        own = vars(self._trainer)
        earlier = own.get(name)
        tap = own[name] = wrapped(original)

        def remove() -> None:
            if own.get(name) is not tap:
                return
            if earlier is None:
                del own[name]
            else:
                own[name] = earlier

        self._removals.append(remove)

    def _timed(self, original: _Method) -> _Method:
        def get_batch_samples(epoch_iterator: Any, *args: Any, **kwargs: Any) -> Any:
            timed = iter(self._guard.batches(epoch_iterator))
            result = original(timed, *args, **kwargs)
            self._step_begins(result[0])
            return result

        return get_batch_samples

    def _followed(self, original: _Method) -> _Method:
        def training_step(*args: Any, **kwargs: Any) -> Any:
            loss = original(*args, **kwargs)
            self._micro_batch_ends(loss)
            return loss

        return training_step

    def _described(self, original: _Method) -> _Method:
        def compute_loss(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if not self._knows_graph:
                self._describe(result, kwargs.get("num_items_in_batch"))
            return result

        return compute_loss

    def _compared(self, original: _Method) -> _Method:
        def prediction_step(model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            self._guard.shared_samples.validated_on(inputs)
            return original(model, inputs, *args, **kwargs)

        return prediction_step

    @unbreakable
    def _describe(self, result: Any, num_items: Any) -> None:
        loss = result[0] if isinstance(result, tuple) else result
        if loss.grad_fn is not None:
            self._knows_graph = True
            averages = self._trainer.args.average_tokens_across_devices
            scalings = 1 if averages and num_items is not None else 0
            self._guard.describe_loss(loss, scalings=scalings)
            self._shares.computed(loss, num_items)

    @unbreakable
    def _step_begins(self, batches: Any) -> None:
        self._micro_batches, self._seen = max(len(batches), 1), 0

    @unbreakable
    def _micro_batch_ends(self, loss: Any) -> None:
        loss = self._shares.mean_loss(loss, self._micro_batches)
        if self._accumulates:
            self._seen += 1
            is_complete = self._seen >= self._micro_batches
            self._guard.on_after_backward(loss, is_complete=is_complete)
        else:
            self._guard.on_after_backward(loss)
