from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tuneguard import keys
from tuneguard.recording.layers import Layers
from tuneguard.recording.step_packet import Step, StepPacket


@pytest.mark.parametrize(
    ("change", "weight", "expected"),
    [(4.0, 16.0, 0.5), (math.inf, 16.0, math.inf), (math.inf, math.inf, math.nan)],
    ids=["trains", "leaps", "has diverged"],
)
def test_the_update_ratio_of_a_run_however_it_goes(change, weight, expected) -> None:
    layers = Layers(nn.Linear(1, 1, bias=False))
    step = Step(3, 1000, update=torch.tensor([[change], [weight]]))
    columns = StepPacket([step], layers, update_of=[0]).columns()
    found = {key: own.values.tolist() for key, own in columns.by_key()}
    assert found[keys.UPDATE_RATIO_GLOBAL] == pytest.approx([expected], nan_ok=True)
    assert all(values == pytest.approx([expected], nan_ok=True) for values in found.values())


def test_weights_that_are_zero_have_no_update_ratio() -> None:
    layers = Layers(nn.Linear(1, 1, bias=False))
    step = Step(0, 1000, update=torch.tensor([[4.0], [0.0]]))
    assert len(StepPacket([step], layers, update_of=[0]).columns()) == 0
