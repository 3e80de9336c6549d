"""Ways for the signal to reach every layer."""

from __future__ import annotations

from collections.abc import Sequence

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import number, rounded

_REVIVED = "dead_units of every layer stays below 0.5, and the training loss falls from the start."
_UNSATURATED = "saturated_units of every layer begins below 0.3, and the training loss falls."
_VERIFY = "gradient_norm of the first layers is within a factor of 100 of that of the last."

_RESIDUAL = '''import torch


class Residual(torch.nn.Module):
    """Adds its input to what the layer makes of it."""

    def __init__(self, width):
        super().__init__()
        self.norm = torch.nn.LayerNorm(width)
        self.linear = torch.nn.Linear(width, width)

    def forward(self, inputs):
        return inputs + torch.relu(self.linear(self.norm(inputs)))


linears = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
width = linears[0].out_features
model = torch.nn.Sequential(
    torch.nn.Linear(linears[0].in_features, width),
    *[Residual(width) for _ in linears[1:-1]],
    torch.nn.Linear(width, linears[-1].out_features),
)'''

_KAIMING = """import torch

for module in model.modules():
    if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
        torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)
    elif isinstance(module, (torch.nn.RNNBase, torch.nn.Embedding, torch.nn.EmbeddingBag)):
        module.reset_parameters()"""


_RECTIFY = """import torch


def rectify(module):
    for name, child in module.named_children():
        if isinstance(child, (torch.nn.Sigmoid, torch.nn.Tanh, torch.nn.Softsign)):
            setattr(module, name, torch.nn.ReLU())
        else:
            rectify(child)


rectify(model)  # and torch.sigmoid(x) or torch.tanh(x) becomes torch.relu(x)"""

_LEAKY = """import torch


def make_leaky(module):
    for name, child in module.named_children():
        if isinstance(child, (torch.nn.ReLU, torch.nn.ReLU6)):
            setattr(module, name, torch.nn.LeakyReLU(0.01))
        else:
            make_leaky(child)


make_leaky(model)  # and torch.relu(x) becomes torch.nn.functional.leaky_relu(x, 0.01)"""

_XAVIER = """import torch

for module in model.modules():
    if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
        torch.nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)
    elif isinstance(module, (torch.nn.RNNBase, torch.nn.Embedding, torch.nn.EmbeddingBag)):
        module.reset_parameters()"""

_SMALL_LAST = """

last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1]
torch.nn.init.xavier_uniform_(last.weight, gain=0.1)"""
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
        snippet=_KAIMING,
    )


def leaky_activation(history: RunHistory) -> Prescription:
    """Let a unit that does not fire pass on a little."""
    return Prescription(
        parameter="activation",
        current=history.hyperparameters.activations,
        suggested="LeakyReLU, slope 0.01",
        action="Replace ReLU by LeakyReLU with a slope of 0.01.",
        rationale="A unit below 0 still gets a hundredth of the gradient, and can come back.",
        tradeoff="Outputs are no longer sparse; the change in quality is otherwise small.",
        changes=(Change("activation", "leaky_relu"),),
        verify="The training loss falls, and gradient_norm of no layer is 0.",
        snippet=_LEAKY,
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
        snippet=(_XAVIER if name == "xavier" else _KAIMING) + _SMALL_LAST,
    )


def residual_path(history: RunHistory) -> Prescription:
    """Give the gradient a way around each layer."""
    return Prescription(
        parameter="architecture",
        current=history.hyperparameters.activations,
        suggested="residual blocks of LayerNorm, Linear and ReLU",
        action="Turn the hidden layers into residual blocks with normalisation and ReLU.",
        rationale="Around a residual path the gradient reaches the first layer undiminished.",
        tradeoff="Hidden layers must be of one width; a little more memory.",
        changes=(
            Change("residual", True),
            Change("normalisation", "layer"),
            Change("activation", "relu"),
        ),
        verify=_VERIFY,
        snippet=_RESIDUAL,
    )


def rectify_with_kaiming(history: RunHistory) -> Prescription:
    """Use an activation that does not shrink the signal, with the initialisation made for it."""
    return Prescription(
        parameter="activation",
        current=history.hyperparameters.activations,
        suggested="ReLU, Kaiming initialisation",
        action="Replace saturating activations by ReLU and initialise after Kaiming He.",
        rationale="A sigmoid passes on at most a quarter of the gradient, a ReLU all of it; "
        "Kaiming's scale keeps its variance from layer to layer.",
        tradeoff="Units can die; with many layers it may not be enough without residual paths.",
        changes=(Change("activation", "relu"), Change("initialisation", "kaiming")),
        verify=_VERIFY,
        snippet=_RECTIFY + _KAIMING.removeprefix("import torch"),
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
        verify=_VERIFY,
        snippet=_XAVIER if name == "xavier" else _KAIMING,
    )


def has_two_ended_units(history: RunHistory) -> bool | None:
    """Whether the run's activations have two flat ends; `None` where they are not known."""
    activations = history.hyperparameters.activations
    return any(name in activations for name in _TWO_ENDED) if activations else None


def _initialisation_for(history: RunHistory) -> tuple[str, str]:
    """Return whose initialisation fits the activations, in words and as a setting."""
    is_bounded = has_two_ended_units(history)
    return ("Xavier Glorot", "xavier") if is_bounded else ("Kaiming He", "kaiming")


def layer_wise_rates(history: RunHistory, layers: Sequence[str], factor: float) -> Prescription:
    """Let each layer move by a like share of its weights.

    Args:
        history: The run.
        layers: Names of the layers that move too little or too much; untrusted text.
        factor: By what their updates would have to be multiplied.
    """
    optimizer = history.hyperparameters.optimizer
    adaptive = "AdamW" if optimizer is None or optimizer.lower() == "sgd" else "AdamW, betas 0.9"
    return Prescription(
        parameter="optimizer",
        current=optimizer,
        suggested=adaptive,
        action="Let the optimizer scale each layer's step by its own gradients, as AdamW does.",
        rationale=f"To move like the others, {layers[0]} would need {number(rounded(factor))} "
        "times its updates.",
        tradeoff="The learning rate must be found anew; 0.001 is where to begin.",
        changes=(Change("optimizer", "adamw"), Change("learning_rate", 0.001)),
        verify="update_ratio of all layers lies within a factor of 100.",
        snippet=(
            "import torch\n\n"
            "optimizer = torch.optim.AdamW(model.parameters(), lr=0.001, betas=(0.9, 0.999))"
        ),
    )
