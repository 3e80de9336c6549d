"""A model whose gradients are there, and its optimizer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from tests.prescriptions.builders import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.8), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 3)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4)
    nn.functional.cross_entropy(100.0 * model(torch.randn(16, 4)), torch.arange(16) % 3).backward()
    yield Loop(model, optimizer)
    torch.autograd.set_detect_anomaly(False)
