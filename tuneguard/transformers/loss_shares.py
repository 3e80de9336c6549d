"""What `training_step` returns, and what it is of the loss of an optimizer step."""

from __future__ import annotations

import math
import re
from typing import Any

from transformers import Trainer

from tuneguard.recording.loss_graph import loss_graph

_SUM = re.compile(r"^Sum$|\(sum\)$")
_MEAN = re.compile(r"^Mean$|Loss|^BinaryCrossEntropy|^KlDiv$")


class LossShares:
    """Brings what is returned for a micro-batch to the scale of the mean loss.

    Mostly it is a share, and the shares of a step add up to its loss: the Trainer divides by the
    number of micro-batches, or the model by `num_items_in_batch`, the number of tokens in all of
    them. Models that take that argument and ignore it, as those for the classification of
    sequences do, return the mean of the micro-batch, which nobody divides: the Trainer logs, and
    differentiates, the sum over micro-batches, times the number of processes with
    `average_tokens_across_devices`. Told apart by the first loss.

    Args:
        trainer: The Trainer.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._is_mean = False
        self._processes = 1
        self._first: Any = None
        self._is_known = False

    def computed(self, loss: Any, num_items: Any) -> None:
        """Take in the first loss that `compute_loss` returns with a graph.

        Args:
            loss: The loss.
            num_items: How many items the step has, as `compute_loss` was told.
        """
        self._is_mean = num_items is not None and _is_reduced_to_a_mean(loss_graph(loss))
        if self._trainer.args.average_tokens_across_devices:
            self._processes = self._trainer.accelerator.num_processes
        self._first = loss.detach()

    def mean_loss(self, returned: Any, micro_batches: int) -> Any:
        """Return that of which the mean over the micro-batches of a step is the step's loss.

        Args:
            returned: What `training_step` returned.
            micro_batches: How many the step has.
        """
        if not self._is_known:
            self._is_known = True
            self._is_mean &= not self._is_divided(returned, micro_batches)
            self._first = None
        if self._is_mean:
            return returned if self._processes == 1 else returned / self._processes
        return returned if micro_batches == 1 else returned * micro_batches

    def _is_divided(self, returned: Any, micro_batches: int) -> bool:
        if self._first is None or micro_batches == 1:
            return False
        whole, part = float(self._first), float(returned)
        return math.isclose(part * micro_batches, whole, rel_tol=1e-3)


def _is_reduced_to_a_mean(graph: str | None) -> bool:
    """Whether the first reduction on the way back from a loss is a mean.

    >>> _is_reduced_to_a_mean("Mul < NllLoss < LogSoftmax < Addmm")
    True
    >>> _is_reduced_to_a_mean("Div < NllLoss(sum) < LogSoftmax < Mm")
    False
    """
    for link in (graph or "").partition(";")[0].split(" < "):
        if _SUM.search(link):
            return False
        if _MEAN.search(link):
            return True
    return False
