"""Which operations the loss came out of: its autograd graph, a few nodes back."""

from __future__ import annotations

import re
from typing import Any

MOST_CHAINS = 4
MOST_LINKS = 8
_MOST_NODES = 64
_SUFFIX = re.compile(r"Backward\d*$")
_MOVES = frozenset(
    {
        *("Alias", "Clone", "Expand", "Gather", "Index", "Permute", "ReshapeAlias", "Select"),
        *("Slice", "Split", "Squeeze", "T", "ToCopy", "Transpose", "UnsafeView", "Unsqueeze"),
        "View",
    }
)
_OPAQUE = "CompiledFunction"
_LAYERS = frozenset({"Addmm", "Baddbmm", "Bmm", "Convolution", "Linear", "Mm", "Mv", _OPAQUE})
_SCALINGS = frozenset({"Div", "Mul"})
_LEAF = "AccumulateGrad"
_SUM = 2


def loss_graph(loss: object, scalings: int = 0) -> str | None:
    """Spell the chain of operations from a loss back to the layer that it judges.

    Operations that only move or convert values are left out. Where several branches lead to
    layers, as in a sum of losses, each is a chain of its own; what ends at a parameter, such as a
    penalty on weights, is none. The graph may have been walked by `backward` already.

    Args:
        loss: What the loop calls its loss.
        scalings: How many constants the loss was multiplied or divided by last, which are no part
            of what is recorded as its value: a loss scale, or the share of a micro-batch.

    Returns:
        Such as `NllLoss < LogSoftmax < Addmm`, chains separated by `; `; a loss that is summed
        over the batch has `(sum)` behind its name. `None` where the loss bears no graph, or one
        that was compiled as a whole.
    """
    root = getattr(loss, "grad_fn", None)
    for _ in range(scalings):
        root = _unscaled(root)
    chains: list[str] = []
    waiting: list[tuple[Any, tuple[str, ...]]] = [(root, ())] if root is not None else []
    for _ in range(_MOST_NODES):
        if not waiting or len(chains) == MOST_CHAINS:
            break
        node, above = waiting.pop()
        name = _name(node)
        name += "(sum)" if getattr(node, "_saved_reduction", 1) == _SUM else ""
        if name == _LEAF or (not above and name == _OPAQUE):
            continue
        links = above if name in _MOVES else (*above, name)
        inputs = [one for one, _ in node.next_functions if one is not None]
        if name in _LAYERS or len(links) == MOST_LINKS or not inputs:
            chains.append(" < ".join(links))
        else:
            waiting.extend((one, links) for one in reversed(inputs))
    return "; ".join(dict.fromkeys(chains)) or None


def _unscaled(node: Any) -> Any:
    inputs = [one for one, _ in getattr(node, "next_functions", ()) if one is not None]
    is_scaling = len(inputs) == 1 and _name(node) in _SCALINGS
    return inputs[0] if is_scaling else node


def _name(node: Any) -> str:
    return _SUFFIX.sub("", node.name().rpartition("::")[2])
