"""Models that began with weights loaded from elsewhere, which an initialisation would lose."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Final

from tuneguard import keys
from tuneguard.findings import Prescription
from tuneguard.history import Role, RunHistory
from tuneguard.history.roles import normalise

_PLAIN: Final = "NllLoss <"
_FAR_BELOW: Final = 0.5
_NAMED: Final = {
    "from_pretrained",
    "init_checkpoint",
    "model_name_or_path",
    "name_or_path",
    "pretrained",
    "pretrained_model_name_or_path",
    "resume_from_checkpoint",
}
_NONE: Final = {"", "0", "false", "no", "none", "null"}
_OVER: Final = {"initialisation", "normalisation", "residual"}

_NEW_LAYERS = '''import torch


@torch.no_grad()
def initialise_new_layers(model, loaded):
    """Call once before training, with the state dict that was loaded into the model."""
    for name, module in model.named_modules():
        if f"{name}.weight" in loaded or not isinstance(
            module, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)
        ):
            continue
        torch.nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)'''


def has_loaded_weights(history: RunHistory) -> bool:
    """Whether the run shows that it began with weights that were trained before.

    Any of three things shows it: a param such as `pretrained` or `model_name_or_path`; frozen
    layers, most of whose parameters are not as an initialisation leaves them; or a first loss far
    below that of a uniform guess, which outputs that know nothing of the labels do not reach
    where classes are about equally frequent (Gibbs' inequality).

    Args:
        history: The run; what it does not say counts for nothing.
    """
    return _is_named(history) or _is_frozen(history) or _begins_low(history)


def sparing_loaded(history: RunHistory, order: Iterable[Prescription]) -> tuple[Prescription, ...]:
    """Leave out what writes over every layer where that would lose what was loaded.

    In place of the first of those comes one for the layers that are new.

    Args:
        history: The run.
        order: What is prescribed, the first to try first.
    """
    kept: list[Prescription] = []
    is_spared = has_loaded_weights(history)
    for one in order:
        if not is_spared or not any(it.parameter in _OVER for it in one.changes):
            kept.append(one)
        elif all(it.parameter != "initialisation" for it in kept):
            kept.append(initialise_new_layers())
    return tuple(kept)


def initialise_new_layers() -> Prescription:
    """Initialise the layers that nothing was loaded into, and leave the others as they are."""
    return Prescription(
        parameter="initialisation",
        current="weights that were loaded, beside new ones",
        suggested="new layers at the scale that keeps the signal, biases of 0",
        action="Initialise the layers that nothing was loaded into, and check that the others "
        "were loaded as they were saved.",
        rationale="This run seems to have begun with weights that were trained before: what they "
        "know would be lost with an initialisation of every layer.",
        tradeoff="It does not mend loaded layers: where the fault lies there, load them again, or "
        "prepare the inputs as they were prepared when those layers were trained.",
        verify="The first training loss is at most that of a model that knows nothing, and "
        "gradient_norm of the new layers is within a factor of 100 of that of the last.",
        snippet=_NEW_LAYERS,
    )


def _is_named(history: RunHistory) -> bool:
    return any(
        normalise(name.removeprefix(keys.PREFIX)) in _NAMED and value.strip().lower() not in _NONE
        for name, value in history.params.items()
    )


def _is_frozen(history: RunHistory) -> bool:
    """Whether most of the frozen parameters belong to layers that were trained before."""
    sizes = _fact(history, "layer_sizes")
    frozen, at_random = (
        _fact(history, name) for name in ("frozen_layers", "frozen_at_random_layers")
    )
    if not isinstance(sizes, dict) or not isinstance(frozen, list):
        return False
    drawn = set(at_random) if isinstance(at_random, list) else set()
    known, fresh = (
        sum(sizes.get(layer, 0) for layer in frozen if (layer in drawn) is is_drawn)
        for is_drawn in (False, True)
    )
    return bool(known > fresh)


def _begins_low(history: RunHistory) -> bool:
    known, loss = history.hyperparameters, history.get(Role.TRAIN_LOSS)
    classes = known.num_classes or known.output_units or 0
    if loss is None or len(loss) == 0 or loss.steps[0] > 1.0 or classes < 2:
        return False
    is_plain = (known.loss_graph or "").startswith(_PLAIN)
    return is_plain and bool(0.0 < loss.values[0] < _FAR_BELOW * math.log(classes))


def _fact(history: RunHistory, name: str) -> object:
    text = history.params.get(name) or history.params.get(f"{keys.PREFIX}{name}")
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
