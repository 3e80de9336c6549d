"""Vanishing gradients, by their real cause: ten sigmoid layers in a row.

Each sigmoid passes on at most a quarter of the gradient, so hardly anything reaches the first
layer, and the loss stays at chance level. Expect `vanishing-gradients` first. The first fix is to
turn the hidden layers into residual blocks; it is applied here.

    python examples/05_vanishing_gradients.py --seed 3
"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard import TuneGuardCallback, diagnose, load_run
from tuneguard.reports.text import render_text

torch.set_num_threads(1)  # tensors this small are slower on several threads
EPOCHS = 6
WIDTH = 32


class Residual(nn.Module):
    """Adds its input to what the layer makes of it: a way around for the gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map inputs of shape `(batch, WIDTH)` to outputs of the same shape."""
        return inputs + torch.relu(self.linear(self.norm(inputs)))


def digits(seed: int) -> tuple[TensorDataset, TensorDataset]:
    """Split the digits into 1200 training and 597 validation samples."""
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    images, labels = images[order].float() / 16 - 0.3, labels[order]
    return TensorDataset(images[:1200], labels[:1200]), TensorDataset(images[1200:], labels[1200:])


def build(residual: bool) -> nn.Module:
    """Stack eight hidden layers between input and output, plain or residual."""
    plain = [layer for _ in range(8) for layer in (nn.Linear(WIDTH, WIDTH), nn.Sigmoid())]
    hidden = [Residual() for _ in range(8)] if residual else plain
    first = [nn.Linear(64, WIDTH)] if residual else [nn.Linear(64, WIDTH), nn.Sigmoid()]
    return nn.Sequential(*first, *hidden, nn.Linear(WIDTH, 10))


def train(seed: int = 0, residual: bool = False) -> tuple[str, float]:
    """Train the plain or the residual network.

    Returns:
        The run's id, and the final validation accuracy.
    """
    torch.manual_seed(seed)
    training, validation = digits(seed)
    loader = DataLoader(training, batch_size=32, shuffle=True, drop_last=True)
    model = build(residual)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with TuneGuardCallback(model, optimizer, num_classes=10) as guard:
        for _ in range(EPOCHS):
            for images, labels in guard.batches(loader):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(images), labels)
                loss.backward()
                guard.on_after_backward(loss)
                optimizer.step()
            metrics = validate(model, validation)
            guard.on_validation_end(metrics)
    return str(guard.run_id), metrics["accuracy"]


def validate(model: nn.Module, data: TensorDataset) -> dict[str, float]:
    """Measure loss and accuracy on data that was not trained on."""
    images, labels = data.tensors
    with torch.no_grad():
        outputs = model(images)
    return {
        "loss": nn.functional.cross_entropy(outputs, labels).item(),
        "accuracy": (outputs.argmax(1) == labels).float().mean().item(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    run_id, accuracy_before = train(seed)
    diagnosis = diagnose(load_run(run_id))
    print(render_text(diagnosis, color=False))
    if diagnosis.findings:
        print(f"Applying the first fix: {diagnosis.findings[0].prescriptions[0].action}")
        _, accuracy_after = train(seed, residual=True)
        print(f"Validation accuracy {accuracy_before:.3f} before, {accuracy_after:.3f} after.")
