"""What may be tried on a faulty training: what is prescribed, and what it is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from benchmarks.error_rates.comparators.autotrainer import AUTOTRAINER as PUBLISHED
from benchmarks.error_rates.plan import RunSpec, setup_of
from benchmarks.error_rates.setup import Setup
from benchmarks.error_rates.source_digests import digest_of
from benchmarks.repair_rates.rebuilding import rebuilt
from tuneguard import Diagnosis, RunHistory
from tuneguard.findings import Change
from tuneguard.treatment.agenda import in_turn

Changes = tuple[Change, ...]

FIRST, THREE, RANDOM = "first prescription", "best of three", "random prescription"
LOWER, AUTOTRAINER, AUTOTRAINER_THREE = "rate times 0.1", "AUTOTRAINER", "AUTOTRAINER, three"
STRATEGIES: Final = (FIRST, THREE, RANDOM, LOWER, AUTOTRAINER, AUTOTRAINER_THREE)
MOST: Final = 3

_SELU = (Change("activation", "selu"),)
_RELU = (Change("activation", "relu"), Change("initialisation", "kaiming"))
_NORM = (Change("normalisation", "batch"),)
_INIT = (Change("initialisation", "kaiming"),)
_CLIP = (Change("clip_norm", 1.0),)
_ADAM = (Change("optimizer", "adam"),)
_LESS = (Change("learning_rate", 0.1, "multiply"),)
_MORE = (Change("learning_rate", 10.0, "multiply"),)
_BATCH = (Change("batch_size", 2.0, "multiply"),)

_ORDERS: Final[Mapping[str, tuple[Changes, ...]]] = {
    "vanishing gradient": (_SELU, _RELU, _NORM),
    "exploding gradient": (_SELU, _RELU, _CLIP),
    "abnormal loss": (_SELU, _RELU, _CLIP),
    "dying ReLU": (_SELU, _NORM, _INIT),
    "oscillating loss": (_ADAM, _LESS, _BATCH),
    "slow convergence": (_ADAM, _MORE, _INIT),
    "not converged": (_ADAM, _MORE, _INIT),
}
"""The order of repairs of AUTOTRAINER (Zhang et al., ICSE 2021), as its code has it.

The factors on rate and batch, and the norm to clip at, are ours: it tries several.
"""


def repairs(
    spec: RunSpec, diagnosis: Diagnosis, history: RunHistory
) -> dict[str, tuple[Changes, ...]]:
    """Return by strategy what is tried, the first in front; of several the best is kept.

    Args:
        spec: The faulty training.
        diagnosis: What was found in it.
        history: What happened in it.
    """
    setup = setup_of(spec)
    prescribed = applicable(diagnosis, setup)
    published = _published(history, setup)
    return {
        FIRST: prescribed[:1],
        THREE: prescribed[:MOST],
        RANDOM: _any_of(prescribed, spec),
        LOWER: (_LESS,),
        AUTOTRAINER: published[:1],
        AUTOTRAINER_THREE: published[:MOST],
    }


def applicable(diagnosis: Diagnosis, setup: Setup) -> tuple[Changes, ...]:
    """Return what is prescribed and can be done to a setup, each once, in the order to try it."""
    return _possible((one.changes for _, one in in_turn(diagnosis)), setup)


def _published(history: RunHistory, setup: Setup) -> tuple[Changes, ...]:

    found = next(iter(PUBLISHED.signals(history)), None)
    return _possible(_ORDERS.get(found, ()) if found is not None else (), setup)


def _possible(all_changes: Iterable[Changes], setup: Setup) -> tuple[Changes, ...]:
    wanted = dict.fromkeys(changes for changes in all_changes if changes)
    return tuple(changes for changes in wanted if rebuilt(setup, changes) is not None)


def _any_of(prescribed: Sequence[Changes], spec: RunSpec) -> tuple[Changes, ...]:
    """Draw one at random, the same each time."""
    if not prescribed:
        return ()
    generator = np.random.default_rng(int(digest_of(repr(spec)), 16))
    return (prescribed[int(generator.integers(len(prescribed)))],)
