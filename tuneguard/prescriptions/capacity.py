"""A larger model, or a smaller one."""

from __future__ import annotations

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import setting


def larger_model(history: RunHistory, factor: int) -> Prescription:
    """Give the model `factor` times as many hidden units."""
    count = history.hyperparameters.parameter_count
    current = f"{count:.0f} parameters" if count is not None else None
    return Prescription(
        parameter="hidden_width",
        current=current,
        suggested=f"{factor} times as wide",
        action=f"Make the hidden layers {factor} times as wide.",
        rationale="The training loss itself stopped far from what is attainable: the model "
        "cannot express what the data asks for.",
        tradeoff="More computation, more memory, and more room to overfit.",
        changes=(Change("hidden_width", float(factor), "multiply"),),
        verify="The training loss falls well below its present level.",
        snippet=(
            "import torch\n\n"
            "linears = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]\n"
            f"hidden = [{factor} * m.out_features for m in linears[:-1]] or [{8 * factor}]\n"
            "sizes = [linears[0].in_features, *hidden, linears[-1].out_features]\n"
            "layers = []\n"
            "for inputs, outputs in zip(sizes, sizes[1:]):\n"
            "    layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]\n"
            "model = torch.nn.Sequential(*layers[:-1])"
        ),
    )


def smaller_model(history: RunHistory) -> Prescription:
    """Halve the hidden layers."""
    count = history.hyperparameters.parameter_count
    return Prescription(
        parameter="hidden_width",
        current=setting(f"{count:.0f} parameters" if count is not None else None),
        suggested="half as wide",
        action="Halve the width of the hidden layers, or gather more data.",
        rationale="The model has room to memorise the training data.",
        tradeoff="The best validation loss may get worse as well.",
        changes=(Change("hidden_width", 0.5, "multiply"),),
        verify="The gap between training and validation loss narrows at the same best loss.",
        snippet=(
            "import torch\n\n"
            "linears = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]\n"
            "widths = [max(1, m.out_features // 2) for m in linears[:-1]]  # the new hidden widths"
        ),
    )
