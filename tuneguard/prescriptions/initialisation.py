"""The weights that training begins with."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import number

FADES_NO_MORE = "gradient_norm of the first layers is within a factor of 100 of that of the last."
"""What to look at where a signal faded."""
_REVIVED = "dead_units of every layer stays below 0.5, and the training loss falls from the start."
_UNSATURATED = "saturated_units of every layer begins below 0.3, and the training loss falls."

KAIMING = """import torch

for module in model.modules():
    if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
        torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)
    elif any(one.ndim > 1 for one in module.parameters(recurse=False)):
        for name in ("reset_parameters", "_reset_parameters"):
            getattr(module, name, list)()"""
"""Code that initialises every layer for units of one flat end."""

_XAVIER = """import torch

for module in model.modules():
    if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
        torch.nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)
    elif any(one.ndim > 1 for one in module.parameters(recurse=False)):
        for name in ("reset_parameters", "_reset_parameters"):
            getattr(module, name, list)()"""

_UNIT_VARIANCE = '''import torch

layers = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Embedding)


@torch.no_grad()
def scale_layers(model, inputs, rounds=5):
    """Call once before training, with the inputs of a batch."""
    seen = {}
    for layer in model.modules():
        if not any(one.ndim > 1 for one in layer.parameters(recurse=False)):
            continue
        hook = layer.register_forward_hook(lambda _, __, outputs: seen.update(last=outputs))
        for _ in range(rounds):
            seen.clear()
            model(inputs)
            if not isinstance(layer, layers) or "last" not in seen:
                for name in ("reset_parameters", "_reset_parameters"):
                    getattr(layer, name, list)()
                break
            outputs = seen["last"].movedim(1 if "Conv" in type(layer).__name__ else -1, -1)
            spread = outputs.flatten(0, -2).var(0).mean().sqrt()
            layer.weight.div_(spread if spread > 1e-10 else 1.0)
        hook.remove()'''

_SMALL_LAST = """

last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
torch.nn.init.xavier_uniform_(last.weight, gain=0.1)"""
_SNIPPETS = {
    "kaiming": KAIMING,
    "lecun": KAIMING.replace('"relu"', '"linear"'),
    "xavier": _XAVIER,
}
_TWO_ENDED = ("Tanh", "Sigmoid", "Softsign", "Hardtanh", "Hardsigmoid")


def revive_units(dead: float) -> Prescription:
    """Initialise so that about half of the units fire.

    Args:
        dead: The largest share of dead units in a layer.
    """
    return Prescription(
        parameter="initialisation",
        current=f"{dead:.0%} of the units of a layer dead",
        suggested="Kaiming He's weights, biases of 0",
        action="Initialise weights after Kaiming He and biases with 0; check the inputs.",
        rationale="With biases of 0 and weights around 0, a unit fires for about half of its "
        "inputs; biases or inputs far below 0 keep it from ever firing.",
        tradeoff="None: what was never alive has learned nothing that would be lost.",
        changes=(Change("initialisation", "kaiming"),),
        verify=_REVIVED,
        snippet=KAIMING,
    )


def smaller_initialisation(history: RunHistory, saturated: float) -> Prescription:
    """Initialise so that activations begin where they have a slope.

    Args:
        history: The run.
        saturated: The share of saturated outputs of a layer at the start.
    """
    return Prescription(
        parameter="initialisation",
        current=f"{saturated:.0%} of a layer's outputs saturated",
        suggested="Xavier Glorot's weights, biases of 0",
        action="Initialise weights after Xavier Glorot and biases with 0.",
        rationale="Its scale keeps sums near 0, where tanh and sigmoid have their full slope "
        f"({history.hyperparameters.activations or 'activations'} in this run).",
        tradeoff="None: saturated units have hardly learned anything.",
        changes=(Change("initialisation", "xavier"),),
        verify=_UNSATURATED,
        snippet=_XAVIER,
    )


def fresh_weights(history: RunHistory, ratio: float) -> Prescription:
    """Initialise every layer anew, and the last so that its first outputs are near 0.

    Args:
        history: The run.
        ratio: The first loss over that of a model that knows nothing.
    """
    author, name = _initialisation_for(history)
    return Prescription(
        parameter="initialisation",
        current=f"a first loss of {number(ratio)} times chance level",
        suggested=f"{author}'s weights, a tenth of the usual ones in the last layer, biases of 0",
        action=f"Initialise every layer after {author}, the last with small weights, and biases "
        "with 0.",
        rationale="Weights too large in every layer multiply up to outputs that are confident "
        "and wrong; this scale keeps the signal alike from layer to layer.",
        tradeoff="What was loaded into the layers is lost: leave out those that were pretrained.",
        changes=(Change("initialisation", name), Change("last_layer_gain", 0.1)),
        verify="The first training loss is within a tenth of chance level.",
        snippet=_SNIPPETS[name] + _SMALL_LAST,
    )


def matching_weights(history: RunHistory) -> Prescription:
    """Initialise each layer at the scale that its activation keeps the signal with."""
    author, name = _initialisation_for(history)
    return Prescription(
        parameter="initialisation",
        current="a signal that fades from layer to layer",
        suggested=f"{author}'s weights, biases of 0",
        action=f"Initialise every layer after {author} and biases with 0.",
        rationale="Weights too small shrink the signal, and the gradient on its way back, in "
        "each layer anew; this scale keeps both.",
        tradeoff="What was loaded into the layers is lost: leave out those that were pretrained.",
        changes=(Change("initialisation", name),),
        verify=FADES_NO_MORE,
        snippet=_SNIPPETS[name],
    )


def unit_variance() -> Prescription:
    """Scale the weights that are there until every layer passes on a signal of variance 1.

    Layer-sequential unit variance (Mishkin and Matas, 2016, All you need is a good init), without
    the orthogonal weights that it begins with: what was loaded into linear, convolutional and
    embedding layers keeps its pattern. Others are initialised anew.
    """
    return Prescription(
        parameter="initialisation",
        current="weights whose scale does not fit the network",
        suggested="the same weights, scaled until each layer's outputs have variance 1",
        action="Scale the weights of one layer after another, from input to output, until its "
        "outputs for a batch have variance 1.",
        rationale="It measures the scale that fits this network, whatever its activations, "
        "depth and inputs, where a formula assumes them.",
        tradeoff="A few batches pass through the network before training; what was loaded keeps "
        "its pattern but not its scale, and recurrent and attention layers not even that.",
        changes=(Change("initialisation", "unit_variance"),),
        verify=FADES_NO_MORE,
        snippet=_UNIT_VARIANCE,
    )


def has_two_ended_units(history: RunHistory) -> bool | None:
    """Whether the run's activations have two flat ends; `None` where they are not known."""
    activations = history.hyperparameters.activations
    return any(name in activations for name in _TWO_ENDED) if activations else None


def _initialisation_for(history: RunHistory) -> tuple[str, str]:
    """Return whose initialisation fits the activations, in words and as a setting."""
    if has_two_ended_units(history):
        return "Xavier Glorot", "xavier"
    if "SELU" in (history.hyperparameters.activations or ""):
        return "Yann LeCun", "lecun"
    return "Kaiming He", "kaiming"
