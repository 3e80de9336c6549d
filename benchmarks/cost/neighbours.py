"""Other ways to watch a training loop, each as its own documentation shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import mlflow
import torch

from benchmarks.cost.alternation import Treatment
from benchmarks.cost.loops import TrainingLoop

NEVER = 10**9
LOG_EVERY_N_STEPS = 50


def naive_norms(model: torch.nn.Module) -> dict[str, float]:
    """Return the norm of each parameter's gradient, read one by one."""
    return {
        f"gradient_norm/{name}": parameter.grad.norm().item()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


class NaiveNorms(Treatment):
    """Norms read with `.item()`, and kept in a list: nothing is stored anywhere.

    Args:
        loop: What is watched.
        every: Steps between two looks at the layers.
    """

    def __init__(self, loop: TrainingLoop, every: int = 1) -> None:
        self._loop = loop
        self._every = every
        self._kept: list[dict[str, float]] = []

    def after_backward(self, loss: torch.Tensor) -> None:
        del loss
        if self._loop.steps % self._every == 0:
            self._kept.append(naive_norms(self._loop.model))

    def resume(self) -> None:
        self._kept.clear()

    def drained(self) -> bool:
        return True

    def close(self) -> None:
        self._kept.clear()


class MlflowEachStep(Treatment):
    """`mlflow.log_metrics` of loss and learning rate each step, and of the layers' norms at some.

    At its defaults it knows of no layers.

    Args:
        loop: What is watched.
        every: Steps between two looks at the layers.
        synchronous: Whether a step waits for the store.
    """

    def __init__(
        self, loop: TrainingLoop, every: int = NEVER, *, synchronous: bool = True
    ) -> None:
        self._loop = loop
        self._every = every
        self._synchronous = synchronous
        self._number = 0

    def after_backward(self, loss: torch.Tensor) -> None:
        rate = self._loop.optimizer.param_groups[0]["lr"]
        values = {"train/loss": loss.item(), "learning_rate": rate}
        # at the defaults not even the first step has a look at the layers
        if self._every != NEVER and self._number % self._every == 0:
            values |= naive_norms(self._loop.model)
        mlflow.log_metrics(values, step=self._number, synchronous=self._synchronous)
        self._number += 1

    def drained(self) -> bool:
        if not self._synchronous:
            mlflow.flush_async_logging()
        return True

    def close(self) -> None:
        self.drained()


class MlflowInBackground(MlflowEachStep):
    """The same with MLflow's own asynchronous logging."""

    def __init__(self, loop: TrainingLoop, every: int = NEVER) -> None:
        super().__init__(loop, every, synchronous=False)


class LightningNorms(Treatment):
    """Lightning's `grad_norm` before each step, logged as its trainer does: every 50th step.

    Args:
        loop: What is watched.
        every: Steps between two calls.
        log_every: Steps between two results that are logged.
    """

    def __init__(
        self, loop: TrainingLoop, every: int = 1, log_every: int = LOG_EVERY_N_STEPS
    ) -> None:
        from lightning.pytorch.loggers import MLFlowLogger  # noqa: PLC0415 - an extra
        from lightning.pytorch.utilities import grad_norm  # noqa: PLC0415 - an extra

        run = mlflow.active_run()
        self._norms = grad_norm
        self._logger = MLFlowLogger(
            tracking_uri=mlflow.get_tracking_uri(), run_id=run.info.run_id if run else None
        )
        self._loop = loop
        self._every = every
        self._log_every = log_every
        self._number = 0

    def after_backward(self, loss: torch.Tensor) -> None:
        del loss
        if self._number % self._every == 0:
            norms = self._norms(self._loop.model, norm_type=2)
            if self._number % self._log_every == 0:
                values = {name: float(value) for name, value in norms.items()}
                self._logger.log_metrics(values, self._number)
        self._number += 1

    def drained(self) -> bool:
        return True

    def close(self) -> None:
        return


class WandbWatch(Treatment):
    """`wandb.watch` offline: histograms of gradients every so many steps, then `run.log`.

    The loss is logged with them, not at each step: the histograms are what is compared.

    Args:
        loop: What is watched.
        every: `log_freq`.
    """

    def __init__(self, loop: TrainingLoop, every: int = 1000) -> None:
        import wandb  # noqa: PLC0415 - an extra

        self._run = wandb.run or wandb.init(project="cost", mode="offline")
        self._run.watch(loop.model, log_freq=every)
        self._every = every
        self._number = 0
        self._model = loop.model

    def after_backward(self, loss: torch.Tensor) -> None:
        self._number += 1
        # its hooks count to `log_freq`, so the histograms are there at the last step of each
        if self._number % self._every == 0:
            self._run.log({"train/loss": loss.item()})

    def drained(self) -> bool:
        return True

    def close(self) -> None:
        self._run.unwatch(self._model)


class Neighbour(NamedTuple):
    """A way to watch.

    Attributes:
        title: What the tables call it.
        at_defaults: Makes it watch a loop as its own documentation shows.
        at_density: Makes it watch a loop, with a look at the layers every so many steps.
        default_every: Steps between two looks that it keeps, at its defaults.
        imports: What it needs, which is imported before its memory is measured.
    """

    title: str
    at_defaults: Callable[[TrainingLoop], Treatment]
    at_density: Callable[[TrainingLoop, int], Treatment]
    default_every: int
    imports: tuple[str, ...] = ()


NEIGHBOURS: dict[str, Neighbour] = {
    "naive": Neighbour("`.norm().item()`, not stored", NaiveNorms, NaiveNorms, 1),
    "mlflow": Neighbour("`mlflow.log_metrics`", MlflowEachStep, MlflowEachStep, NEVER),
    "mlflow-async": Neighbour(
        "`mlflow.log_metrics`, asynchronous", MlflowInBackground, MlflowInBackground, NEVER
    ),
    "lightning": Neighbour(
        "Lightning `grad_norm`",
        LightningNorms,
        lambda loop, every: LightningNorms(loop, every, every),
        LOG_EVERY_N_STEPS,
        ("lightning.pytorch.loggers", "lightning.pytorch.utilities"),
    ),
    "wandb": Neighbour("`wandb.watch`, offline", WandbWatch, WandbWatch, 1000, ("wandb",)),
}
