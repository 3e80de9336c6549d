"""What the model hands to its loss: logits, bounded outputs, the first of all outputs."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import number

_BOUNDED = ("Tanh", "Sigmoid", "Hardtanh", "Hardsigmoid")
_ON_THE_WAY = frozenset(
    {"Mul", "Div", "Add", "Sub", "Mean", "Sum", "LogSoftmax", "NllLoss"}
    | {"BinaryCrossEntropyWithLogits", "MseLoss", "SmoothL1Loss", "HuberLoss"}
)

_BARE = '''import torch


def without_last_activation(model):
    """Replace the activation module that ends the model, if one does, by nothing."""
    nn = torch.nn
    bounded = (nn.Softmax, nn.LogSoftmax, nn.Sigmoid, nn.Tanh, nn.ReLU)
    names = [name for name, module in model.named_modules() if not list(module.children())]
    if names and isinstance(model.get_submodule(names[-1]), bounded):
        parent, _, last = names[-1].rpartition(".")
        setattr(model.get_submodule(parent), last, torch.nn.Identity())
    return model


model = without_last_activation(model)'''

_CENTRED = """import torch


def standardised(targets):
    \"\"\"Return targets of mean 0 and deviation 1, and what puts predictions back.\"\"\"
    mean, deviation = targets.mean(0), targets.std(0).clamp_min(1e-12)
    return (targets - mean) / deviation, lambda outputs: outputs * deviation + mean


training_targets = torch.tensor([[12.0], [15.0], [18.0]])  # yours, of the whole training set
scaled, in_their_unit = standardised(training_targets)"""


def bound_of_outputs(history: RunHistory) -> str | None:
    """Return the operation that bounds what the loss is given, such as `Tanh`, if one does."""
    for chain in (history.hyperparameters.loss_graph or "").split("; "):
        links = (link.removesuffix("(sum)") for link in chain.split(" < "))
        first = next((link for link in links if link not in _ON_THE_WAY), None)
        if first in _BOUNDED:
            return first
    return None


def bare_output(operation: str, loss: str, *, factor: float = 1.0) -> Prescription:
    """Hand the last layer's own outputs to the loss.

    Args:
        operation: What stands between the last layer and the loss, such as `Softmax`.
        loss: What the loss is called in a sentence.
        factor: What to multiply the learning rate by at the same time: one that was found with
            the bound need not fit without it.
    """
    rate = f", and multiply the learning rate by {number(factor)}" if factor != 1.0 else ""
    changes = (Change("learning_rate", factor, "multiply"),) if rate else ()
    code = f'\n\nfor group in optimizer.param_groups:\n    group["lr"] *= {factor!r}'
    return Prescription(
        parameter="output_activation",
        current=operation,
        suggested=f"none{rate}",
        action=f"Take the {operation} between the last layer and the {loss} away{rate}.",
        rationale=f"The {loss} needs outputs that reach every value; {operation} bounds them.",
        tradeoff="Where probabilities are needed, apply the activation after training only.",
        changes=(Change("output_activation", "none"), *changes),
        verify="The training loss falls below the level that it could not pass before.",
        snippet=_BARE + (code if rate else ""),
    )


def log_of_softmax_in_one() -> Prescription:
    """Compute the logarithm of a probability from the logits."""
    return Prescription(
        parameter="loss_function",
        current="log of a probability",
        suggested="a loss of logits",
        action="Compute the loss from logits, with cross_entropy or "
        "binary_cross_entropy_with_logits, in place of the logarithm of a probability.",
        rationale="A probability that rounds to 0 has the logarithm minus infinity; computed in "
        "one, the two stay finite.",
        tradeoff="None.",
        changes=(Change("loss_function", "from_logits"),),
        verify="The loss stays finite.",
        snippet=(
            "import torch\n\n"
            "logits, targets = torch.tensor([[200.0, 0.0]]), torch.tensor([1])\n"
            "loss = torch.nn.functional.cross_entropy(logits, targets)  # 200, and not infinite"
        ),
    )


def smaller_last_layer(ratio: float) -> Prescription:
    """Begin with outputs near zero, so that the first guess is uniform.

    Args:
        ratio: The first loss over that of a uniform guess.
    """
    return Prescription(
        parameter="last_layer_initialisation",
        current=f"a first loss of {number(ratio)} times chance level",
        suggested="a tenth of the usual weights, no bias",
        action="Begin with small weights and no bias in the last layer.",
        rationale="The first outputs were confident and wrong: the first steps only undo that.",
        tradeoff="None: the first gradients reach the last layer all the same.",
        changes=(Change("last_layer_gain", 0.1),),
        verify="The first training loss is within a tenth of chance level.",
        snippet=(
            "import torch\n\n"
            "last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]\n"
            "with torch.no_grad():\n"
            "    torch.nn.init.xavier_uniform_(last.weight, gain=0.1)\n"
            "    if last.bias is not None:\n"
            "        last.bias.zero_()"
        ),
    )


def centred_targets() -> Prescription:
    """Let outputs begin at the mean of the targets."""
    return Prescription(
        parameter="target_scale",
        current="targets whose mean is far from 0",
        suggested="mean 0 and standard deviation 1",
        action="Standardise the targets, or begin with their mean as the bias of the last layer.",
        rationale="Outputs of an untrained model are near 0. Where the targets are elsewhere, the "
        "first steps go into moving all outputs there.",
        tradeoff="Predictions have to be put back into the unit of the targets.",
        changes=(Change("target_scale", "standardised"),),
        verify="The first training loss is within a tenth of that of predicting the mean.",
        snippet=_CENTRED,
    )
