"""Ways for the signal to reach every layer."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.initialisation import FADES_NO_MORE, KAIMING

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

_NORMALISED = """import torch

linears = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
layers = []
for linear in linears[:-1]:
    layers += [linear, torch.nn.LayerNorm(linear.out_features), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers, linears[-1])"""

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
        verify=FADES_NO_MORE,
        snippet=_RESIDUAL,
    )


def normalised_layers(history: RunHistory) -> Prescription:
    """Normalise what each hidden layer passes on, whatever its weights make of it."""
    return Prescription(
        parameter="normalisation",
        current=history.hyperparameters.activations,
        suggested="LayerNorm before each activation, ReLU, Kaiming initialisation",
        action="Normalise each hidden layer before its activation, a ReLU, and initialise after "
        "Kaiming He.",
        rationale="A norm brings the signal back to one scale after every layer, and with it the "
        "gradient on its way back.",
        tradeoff="A little more computation; among images BatchNorm2d is more usual.",
        changes=(
            Change("normalisation", "layer"),
            Change("activation", "relu"),
            Change("initialisation", "kaiming"),
        ),
        verify=FADES_NO_MORE,
        snippet=_NORMALISED + KAIMING.removeprefix("import torch"),
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
        verify=FADES_NO_MORE,
        snippet=_RECTIFY + KAIMING.removeprefix("import torch"),
    )
