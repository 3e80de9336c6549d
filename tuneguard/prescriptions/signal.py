"""Ways for the signal to reach every layer."""

from __future__ import annotations

from tuneguard.findings import Prescription
from tuneguard.history import RunHistory

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
    if isinstance(module, torch.nn.Linear):
        torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            torch.nn.init.zeros_(module.bias)"""


def residual_path(history: RunHistory) -> Prescription:
    """Give the gradient a way around each layer."""
    return Prescription(
        parameter="architecture",
        current=history.hyperparameters.activations,
        suggested="residual blocks of LayerNorm, Linear and ReLU",
        action="Turn the hidden layers into residual blocks with normalisation and ReLU.",
        rationale="Around a residual path the gradient reaches the first layer undiminished.",
        tradeoff="Hidden layers must be of one width; a little more memory.",
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
        verify=_VERIFY,
        snippet=_KAIMING,
    )
