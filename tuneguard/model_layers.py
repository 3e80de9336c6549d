"""What is known of a model's layers: their sizes, their order, and which nothing changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuneguard import keys
from tuneguard.history import RunHistory, Series
from tuneguard.statistics.weighted import weighted_median


@dataclass(frozen=True, slots=True)
class ModelLayers:
    """What the recorder found out about the layers before the first step.

    All names are spelled as metric keys spell them.

    Attributes:
        names: From input to output; empty where their order is not known.
        sizes: Number of parameters of each, where known.
        unoptimized: Those with a parameter that requires a gradient and is in no optimizer.
        frozen: Those whose parameters require no gradient.
        frozen_at_random: Those of them that look as an initialisation leaves them.
    """

    names: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    unoptimized: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    frozen_at_random: tuple[str, ...] = ()

    def share(self, layers: Iterable[str]) -> float | None:
        """Return how large a share of the model's parameters some layers hold, where known."""
        total = sum(self.sizes.values())
        return sum(self.sizes.get(layer, 0) for layer in set(layers)) / total if total else None


def model_layers(history: RunHistory) -> ModelLayers:
    """Read what is known of the layers out of a run's record and its params.

    >>> facts = {"layer_sizes": '{"stem": 30, "head": 10}', "frozen_layers": '["stem"]'}
    >>> known = model_layers(RunHistory.from_series({}, facts))
    >>> known.names, known.share(known.frozen)
    (('stem', 'head'), 0.75)
    """
    sizes = _fact(history, "layer_sizes")
    known = sizes if isinstance(sizes, dict) else {}
    counts = {keys.safe(name): int(n) for name, n in known.items() if isinstance(n, int)}
    return ModelLayers(
        tuple(map(keys.safe, history.layers)) or tuple(counts),
        counts,
        _names(history, "unoptimized_layers"),
        _names(history, "frozen_layers"),
        _names(history, "frozen_at_random_layers"),
    )


def hidden_widths(sizes: Iterable[int], outputs: int) -> tuple[int, ...]:
    """Work out the widths of the last hidden layers from the layers' numbers of parameters.

    A linear layer of `n` units on `m` has `n * (m + 1)` parameters, so that the number of outputs
    tells the width before them, and that the one before it. Norms, which have two parameters a
    unit, are passed over. It goes on for as long as the numbers come out even, as they do not for
    most convolutions; the first layer's inputs are no hidden layer.

    Args:
        sizes: Number of parameters of each layer, from input to output.
        outputs: Number of outputs.

    Returns:
        Widths from the output back; empty where the last layer is not linear with a bias.

    >>> hidden_widths([21 * 16, 17 * 8, 2 * 8, 9 * 5], 5)
    (8, 16)
    """
    widths: list[int] = []
    units = outputs
    for size in reversed(list(sizes)[1:]):
        if widths and size == 2 * units:
            continue
        before, rest = divmod(size, units) if units else (0, 0)
        if rest or before < 2:
            break
        units = before - 1
        widths.append(units)
    return tuple(widths)


def typical(series: Series, since: float = 0.0, until: float = 1.0) -> float | None:
    """Return the median over time of a part of a series, or `None` where it has no finite point.

    Args:
        series: Of any sampling; each point counts for the time that it stands for.
        since: Where in the run the part begins, from 0 to 1.
        until: Where it ends.
    """
    part = series.where((series.positions >= since) & (series.positions <= until)).finite()
    return weighted_median(part.values, part.weights) if len(part) else None


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Sort names so that numbers in them count as numbers.

    >>> in_natural_order(["10.act", "2.act"])
    ['2.act', '10.act']
    """

    def parts(name: str) -> list[tuple[int, str]]:
        pieces = re.split(r"(\d+)", name)
        return [(int(one), "") if one.isdigit() else (-1, one) for one in pieces]

    return sorted(names, key=parts)


def _names(history: RunHistory, fact: str) -> tuple[str, ...]:
    found = _fact(history, fact)
    return tuple(keys.safe(str(name)) for name in found) if isinstance(found, list) else ()


def _fact(history: RunHistory, name: str) -> Any:
    text = history.params.get(name) or history.params.get(f"{keys.PREFIX}{name}")
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
