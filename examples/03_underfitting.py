"""Underfitting, by its real cause: two hidden units for three interleaved spirals.

Expect `underfitting` first: the training loss settles far above what is attainable, and the
validation loss with it. The first fix is a larger model; it is applied here.

    python examples/03_underfitting.py --seed 3
"""

import argparse
import math
from itertools import pairwise

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard import TuneGuardCallback, diagnose, load_run
from tuneguard.reports.text import render_text

torch.set_num_threads(1)  # tensors this small are slower on several threads
EPOCHS = 40


def spirals(seed: int) -> tuple[TensorDataset, TensorDataset]:
    """Return 420 training and 180 validation points on three spiral arms."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(600) % 3
    along = torch.rand(600, generator=generator)
    angle = labels * 2 * math.pi / 3 + 4.5 * along
    points = 2 * along[:, None] * torch.stack([torch.cos(angle), torch.sin(angle)], 1)
    points = points + 0.08 * torch.randn(600, 2, generator=generator)
    return TensorDataset(points[:420], labels[:420]), TensorDataset(points[420:], labels[420:])


def train(seed: int = 0, widths: tuple[int, ...] = (2,)) -> tuple[str, float]:
    """Train a network with hidden layers of `widths`.

    Returns:
        The run's id, and the final validation accuracy.
    """
    torch.manual_seed(seed)
    training, validation = spirals(seed)
    loader = DataLoader(training, batch_size=32, shuffle=True, drop_last=True)
    sizes = [2, *widths]
    hidden = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(sizes[-1], 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    with TuneGuardCallback(model, optimizer, num_classes=3) as guard:
        for _ in range(EPOCHS):
            for points, labels in guard.batches(loader):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(points), labels)
                loss.backward()
                guard.on_after_backward(loss)
                optimizer.step()
            metrics = validate(model, validation)
            guard.on_validation_end(metrics)
    return str(guard.run_id), metrics["accuracy"]


def validate(model: nn.Module, data: TensorDataset) -> dict[str, float]:
    """Measure loss and accuracy on data that was not trained on."""
    points, labels = data.tensors
    with torch.no_grad():
        outputs = model(points)
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
        _, accuracy_after = train(seed, widths=(64, 64))
        print(f"Validation accuracy {accuracy_before:.3f} before, {accuracy_after:.3f} after.")
