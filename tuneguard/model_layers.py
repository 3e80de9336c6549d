"""What is known of a model's layers: sizes, order, gradients, and which nothing changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from tuneguard import keys
from tuneguard.history import RunHistory, Series
from tuneguard.statistics.weighted import weighted_median

_T = TypeVar("_T")
_BEGINNING = 0.1
_FIRST_POINTS = 10


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


def narrowest_width(history: RunHistory) -> int | None:
    """Return the width of the narrowest hidden layer that `hidden_widths` can work out."""
    outputs = int(history.hyperparameters.output_units or 0)
    widths = hidden_widths(model_layers(history).sizes.values(), outputs)
    return min(widths, default=None)


def typical(series: Series, since: float = 0.0, until: float = 1.0) -> float | None:
    """Return the median over time of a part of a series, or `None` where it has no finite point.

    Args:
        series: Of any sampling; each point counts for the time that it stands for.
        since: Where in the run the part begins, from 0 to 1.
        until: Where it ends.
    """
    part = series.where((series.positions >= since) & (series.positions <= until)).finite()
    return weighted_median(part.values, part.weights) if len(part) else None


def typical_of_each(
    layers: Mapping[str, Series], since: float = 0.0, until: float = 1.0
) -> dict[str, float]:
    """Return `typical` of the series of each layer, without those that have no point there."""
    found = {name: typical(one, since, until) for name, one in layers.items()}
    return {name: level for name, level in found.items() if level is not None}


@dataclass(frozen=True, slots=True)
class GradientLevels:
    """How large a layer's gradient was, over the root of its number of parameters where known.

    Attributes:
        series: Its norm, finite points alone.
        whole: Median over the run.
        beginning: Median over its first tenth.
        first_points: Median of the first ten points.
        first: The first point: of the initialisation, before any step.
    """

    series: Series
    whole: float
    beginning: float
    first_points: float
    first: float


def gradients_by_layer(history: RunHistory, min_points: int) -> dict[str, GradientLevels]:
    """Measure the gradients of layers from input to output, as far as their order is known.

    Args:
        history: The run.
        min_points: Layers of fewer points are left out; at least 1.
    """
    model, found = model_layers(history), history.of_layers(keys.GRADIENT_NORM)
    ranks = {name: rank for rank, name in enumerate(model.names)}
    is_sized = all(model.sizes.get(name) for name in found)
    levels: dict[str, GradientLevels] = {}
    for name in sorted(found, key=lambda name: ranks.get(name, len(ranks))):
        series = found[name].finite()
        scale = float(np.sqrt(model.sizes[name])) if is_sized else 1.0
        whole, begun = typical(series), typical(series, until=_BEGINNING)
        if len(series) >= min_points and whole is not None:
            first = float(np.median(series.values[:_FIRST_POINTS]))
            begun = whole if begun is None else begun
            four = whole / scale, begun / scale, first / scale, float(series.values[0]) / scale
            levels[name] = GradientLevels(series, *four)
    return levels


def share_rising(levels: Iterable[float]) -> float:
    """Return the share of pairs of layers in which the one nearer the input has less.

    >>> share_rising([0.1, 0.3, 0.2])
    0.6666666666666666
    """
    known = np.array(list(levels))
    later, earlier = np.triu_indices(len(known), 1)[::-1]
    return float(np.mean(known[earlier] < known[later]))


def evenly_picked(names: Sequence[str], most: int) -> list[str]:
    """Pick at most `most` names, evenly from first to last.

    >>> evenly_picked(["stem", "one", "two", "three", "head"], 3)
    ['stem', 'two', 'head']
    """
    picks = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).astype(int))
    return [names[i] for i in picks]


def in_natural_order(layers: Mapping[str, _T]) -> dict[str, _T]:
    """Sort layers by name so that numbers in names count as numbers.

    >>> list(in_natural_order({"10.act": 0.1, "2.act": 0.2}))
    ['2.act', '10.act']
    """

    def parts(name: str) -> list[tuple[int, str]]:
        pieces = re.split(r"(\d+)", name)
        return [(int(one), "") if one.isdigit() else (-1, one) for one in pieces]

    return {name: layers[name] for name in sorted(layers, key=parts)}


def _names(history: RunHistory, fact: str) -> tuple[str, ...]:
    found = _fact(history, fact)
    return tuple(keys.safe(str(name)) for name in found) if isinstance(found, list) else ()


def _fact(history: RunHistory, name: str) -> Any:
    text = history.params.get(name) or history.params.get(f"{keys.PREFIX}{name}")
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
