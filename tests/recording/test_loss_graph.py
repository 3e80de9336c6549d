"""The chain of operations from the loss back to the layer that it judges."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from tuneguard.recording.loss_graph import MOST_CHAINS, MOST_LINKS, loss_graph

TARGETS = torch.tensor([0, 2, 1, 2])
LAYER = nn.Linear(5, 3)
INPUTS = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))

LOSSES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "NllLoss < LogSoftmax < Addmm": lambda out: functional.cross_entropy(out, TARGETS),
    "NllLoss < LogSoftmax < Softmax < Addmm": lambda out: functional.cross_entropy(
        functional.softmax(out, dim=-1), TARGETS
    ),
    "Div < NllLoss < LogSoftmax < Relu < Addmm": lambda out: (
        functional.cross_entropy(functional.relu(out), TARGETS) / 4
    ),
    "MseLoss(sum) < Addmm": lambda out: functional.mse_loss(
        out, torch.ones(4, 3), reduction="sum"
    ),
    "MseLoss < Sigmoid < Addmm": lambda out: functional.mse_loss(
        out.sigmoid().flatten(), torch.ones(12)
    ),
    "Neg < Mean < Log < Softmax < Addmm": lambda out: (
        -out.softmax(-1)[range(4), TARGETS].log().mean()
    ),
}


@pytest.mark.parametrize("chain", LOSSES)
@pytest.mark.parametrize("is_walked", [False, True], ids=["before backward", "after backward"])
def test_a_chain_ends_at_the_layer(chain: str, is_walked: bool) -> None:
    loss = LOSSES[chain](LAYER(INPUTS))
    if is_walked:
        loss.backward()
    assert loss_graph(loss) == chain


def test_casts_of_mixed_precision_are_left_out() -> None:
    with torch.autocast("cpu"):
        loss = functional.cross_entropy(LAYER(INPUTS).softmax(-1), TARGETS)
    assert loss_graph(loss) == "NllLoss < LogSoftmax < Softmax < Addmm"


def test_constants_that_are_not_recorded_are_left_out() -> None:
    loss = functional.cross_entropy(LAYER(INPUTS), TARGETS)

    scaled = torch.tensor(1024.0) * (loss / 4)

    assert loss_graph(scaled, scalings=2) == "NllLoss < LogSoftmax < Addmm"
    assert loss_graph(scaled, scalings=1) == "Div < NllLoss < LogSoftmax < Addmm"
    assert loss_graph(loss, scalings=2) == "NllLoss < LogSoftmax < Addmm"


def test_a_sum_of_losses_has_a_chain_for_each_but_none_for_a_penalty() -> None:
    out = LAYER(INPUTS)
    loss = functional.cross_entropy(out, TARGETS) + out.sigmoid().mean()
    loss = loss + LAYER.weight.square().sum()
    assert loss_graph(loss) == (
        "Add < Add < NllLoss < LogSoftmax < Addmm; Add < Add < Mean < Sigmoid < Addmm"
    )


@pytest.mark.parametrize("loss", [0.5, torch.tensor(0.5), None, "loss"])
def test_what_bears_no_graph_has_no_chain(loss: object) -> None:
    assert loss_graph(loss) is None


def test_a_compiled_model_ends_the_chain_and_a_compiled_loss_has_none() -> None:
    model = torch.compile(LAYER, backend="aot_eager")
    loss = functional.cross_entropy(model(INPUTS), TARGETS)
    assert loss_graph(loss) == "NllLoss < LogSoftmax < CompiledFunction"
    whole = torch.compile(
        lambda given: functional.cross_entropy(LAYER(given), TARGETS), backend="aot_eager"
    )
    assert loss_graph(whole(INPUTS)) is None


def test_a_large_graph_is_cut() -> None:
    value = LAYER(INPUTS)
    for _ in range(40):
        value = value.sin() + value.cos()
    chains = (loss_graph(value.sum()) or "").split("; ")
    assert len(chains) <= MOST_CHAINS
    assert all(len(chain.split(" < ")) <= MOST_LINKS for chain in chains)
