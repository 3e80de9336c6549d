"""Apply what is prescribed, one change at a time, until nothing is wrong.

The parameters that are given make the run fail: the steps are far too long. `treat` diagnoses each
run, changes the parameters as it is prescribed, and keeps what helps. From the command line, in a
folder that holds a module `train`:

    tuneguard treat train:train --param lr=2.0 --param weight_decay=0.0 --param seed=0
"""

import argparse
from typing import Any

import torch
from torch import nn

from tuneguard import TuneGuardCallback, treat

torch.set_num_threads(1)  # tensors this small are slower on several threads
STEPS = 400


def data(seed: int, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points of eight clusters that overlap a little, and their cluster."""
    centres = 2.0 * torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 8, (samples,), generator=generator)
    return centres[labels] + torch.randn(samples, 16, generator=generator), labels


def train(params: dict[str, Any]) -> None:
    """Train from a dictionary of parameters, recorded into the run that is open."""
    torch.manual_seed(params["seed"])
    inputs, labels = data(1, 2048)
    held_out, answers = data(2, 1024)
    model = nn.Sequential(
        nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8)
    )
    optimizer = torch.optim.SGD(
        model.parameters(), lr=params["lr"], momentum=0.9, weight_decay=params["weight_decay"]
    )
    with TuneGuardCallback(model, optimizer, num_classes=8, planned_steps=STEPS) as guard:
        for step in range(STEPS):
            chosen = torch.randint(0, len(inputs), (64,))
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs[chosen]), labels[chosen])
            loss.backward()
            guard.on_after_backward(loss)
            optimizer.step()
            if (step + 1) % 25 == 0:
                with torch.no_grad():
                    outputs = model(held_out)
                accuracy = (outputs.argmax(1) == answers).float().mean().item()
                val_loss = nn.functional.cross_entropy(outputs, answers).item()
                guard.on_validation_end({"loss": val_loss, "accuracy": accuracy})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lr", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    treatment = treat(train, {"lr": arguments.lr, "weight_decay": 0.0, "seed": arguments.seed})
    for attempt in treatment.attempts:
        print(attempt.number, attempt.standing, dict(attempt.changed), attempt.reason)
    print("healthy" if treatment.is_healthy else "not healthy", dict(treatment.params))
