"""Phrases about layers over a run, which pictures, pages and texts share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from tuneguard import keys
from tuneguard.findings import LayerExtreme, LayerMap
from tuneguard.reports.layer_scale import ColorScale
from tuneguard.reports.untrusted import clipped_in_front
from tuneguard.reports.wording import number, window

_NAME_LENGTH: Final = 24
_QUANTITIES: Final = {
    keys.GRADIENT_NORM: "Gradient norm",
    keys.UPDATE_RATIO: "Update ratio",
}


def quantity(layer_map: LayerMap) -> str:
    """Return what a map shows as words."""
    return _QUANTITIES.get(layer_map.quantity, layer_map.quantity)


def facts(layer_map: LayerMap) -> list[str]:
    """Return in sentences how a map is to be read."""
    blocks, word = len(layer_map.edges) - 1, layer_map.axis
    start, end = number(layer_map.edges[0]), number(layer_map.edges[-1])
    when = f"from {word} {start} to {end}"
    sentences = [
        _rows(layer_map),
        f"Each column is one of {blocks} blocks of time, {when}: the median of the block.",
    ]
    scale = ColorScale.of(layer_map)
    if scale is not None:
        low, high = (f"{end:.2g}" for end in scale.ends)
        sentences.append(f"Colours go from {low} (dark) to {high} (bright), on a log scale.")
    sentences.extend(f"Marked: {mark}, {word} {number(at)}." for at, mark in layer_map.marks)
    return sentences


def extreme(one: LayerExtreme, axis: str) -> str:
    """Return what stands out as a sentence.

    >>> extreme(LayerExtreme("highest", "head", (10, 19), 4.5), "step")
    'Highest: 4.5 in layer head, steps 10 to 19.'
    """
    return (
        f"{one.word[:1].upper()}{one.word[1:]}: {number(one.value)} in layer {one.layer}, "
        f"{window(one.steps, axis)}."
    )


def short_names(layers: Sequence[str]) -> list[str]:
    """Return what stands beside the rows: the ends of the names, which tell them apart.

    >>> short_names(["model.encoder.0", "model.encoder.1", "model.head"])
    ['encoder.0', 'encoder.1', 'head']
    """
    shared = common_beginning(layers)
    return [clipped_in_front(name[len(shared) :], _NAME_LENGTH) for name in layers]


def common_beginning(layers: Sequence[str]) -> str:
    """Return the modules that all layers lie in, with the dot behind them, or nothing."""
    pairs = zip(min(layers), max(layers), strict=False)  # what these two share, all share
    shared = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return shared[: shared.rfind(".") + 1]


def _rows(layer_map: LayerMap) -> str:
    shown, count = len(layer_map.layers), layer_map.layer_count
    which = f"{shown} of {count} layers, evenly chosen, with all that stand out"
    shared = common_beginning(layer_map.layers)
    named = f" The names leave out {shared}, which all begin with." if shared else ""
    return (
        f"Each row is a layer, from input to output as far as the run tells"
        f"{f': {which}' if shown < count else ''}.{named}"
    )
