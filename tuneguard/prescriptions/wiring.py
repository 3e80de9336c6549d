"""Letting the optimizer change what it should."""

from __future__ import annotations

from collections.abc import Sequence

from tuneguard.findings import Change, Prescription
from tuneguard.history import RunHistory
from tuneguard.prescriptions.wording import learning_rate_of, listed, number, rounded

_MOST_NAMED = 40
_VERIFY = "update_ratio of every layer is above 0 from the first step on."


def train_layers(history: RunHistory, layers: Sequence[str]) -> Prescription:
    """Give the optimizer the layers that it leaves out.

    Args:
        history: The run.
        layers: Names of the layers; untrusted text.
    """
    rate = learning_rate_of(history)
    lr = f', "lr": {rounded(rate)!r}' if rate else ""
    return Prescription(
        parameter="optimizer",
        current=f"leaves out {listed(layers)}",
        suggested="all parameters that require a gradient",
        action=f"Give the optimizer the parameters of {listed(layers)}"
        + (f", at a learning rate of {number(rate)}." if rate else ", at a rate above 0."),
        rationale="A gradient arrives there, and no step uses it.",
        tradeoff="None, unless they are meant to stay: then set requires_grad to False.",
        changes=(Change("trained_parameters", "all"),),
        verify=_VERIFY,
        snippet=(
            "held = {id(p) for group in optimizer.param_groups for p in group['params']}\n"
            "missing = [\n"
            "    parameter\n"
            "    for name, parameter in model.named_parameters()\n"
            "    if parameter.requires_grad and id(parameter) not in held\n"
            "]\n"
            "# in this run they were those of\n"
            f"{_as_lines('# - {}', layers)}"
            "if missing:\n"
            f'    optimizer.add_param_group({{"params": missing{lr}}})'
        ),
    )


def join_graph(layers: Sequence[str]) -> Prescription:
    """Find where the graph is cut.

    Args:
        layers: Names of the layers before the cut; untrusted text.
    """
    return Prescription(
        parameter="graph",
        current=f"cut behind {layers[-1]}",
        suggested="one graph from the inputs to the loss",
        action=f"Remove the detach(), no_grad() or conversion to NumPy behind {layers[-1]}.",
        rationale="Gradients reach what comes after it, and nothing before.",
        tradeoff="The backward pass takes longer; if the cut is meant, freeze the layers openly.",
        changes=(Change("detached", False),),
        verify="gradient_norm is recorded for every layer.",
        snippet=(
            "# after one loss.backward()\n"
            "for name, parameter in model.named_parameters():\n"
            "    if parameter.requires_grad and parameter.grad is None:\n"
            "        print(name, 'is not part of the graph of the loss')"
        ),
    )


def unfreeze(history: RunHistory, layers: Sequence[str]) -> Prescription:
    """Train layers that were frozen before they learned anything.

    Args:
        history: The run.
        layers: Names of the layers; untrusted text.
    """
    rate = learning_rate_of(history)
    lr = f'"lr": {rounded(rate)!r}' if rate else '"lr": optimizer.param_groups[0]["lr"]'
    return Prescription(
        parameter="requires_grad",
        current=f"False in {listed(layers)}",
        suggested="True",
        action=f"Let {listed(layers)} train, or load trained weights before freezing.",
        rationale="Their weights are as an initialisation leaves them: there is nothing to keep.",
        tradeoff="More memory and time for the backward pass.",
        changes=(Change("frozen", False),),
        verify=_VERIFY,
        snippet=(
            f"frozen = {{\n{_as_lines('    {},', layers)}}}\n"
            "added = []\n"
            "for name, module in model.named_modules():\n"
            "    if name in frozen:\n"
            "        for parameter in module.parameters(recurse=False):\n"
            "            parameter.requires_grad_(True)\n"
            "            added.append(parameter)\n"
            "held = {id(p) for group in optimizer.param_groups for p in group['params']}\n"
            "added = [parameter for parameter in added if id(parameter) not in held]\n"
            "if added:\n"
            f'    optimizer.add_param_group({{"params": added, {lr}}})'
        ),
    )


def _as_lines(pattern: str, layers: Sequence[str]) -> str:
    return "".join(f"{pattern.format(repr(layer))}\n" for layer in layers[:_MOST_NAMED])
