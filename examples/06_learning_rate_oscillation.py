"""Learning-rate oscillation, by its real cause: Adam at a rate sixty times its usual one.

The network learns, then swings around what it could reach: the steps are too long to settle.
Expect `learning-rate-oscillation` first. The first fix is a lower learning rate; it is applied
here.

    python examples/06_learning_rate_oscillation.py --seed 3
"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard import TuneGuardCallback, diagnose, load_run
from tuneguard.reports.text import render_text

torch.set_num_threads(1)  # tensors this small are slower on several threads
EPOCHS = 30


def digits(seed: int) -> tuple[TensorDataset, TensorDataset]:
    """Split the digits into 1200 training and 597 validation samples."""
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    images, labels = images[order].float() / 16 - 0.3, labels[order]
    return TensorDataset(images[:1200], labels[:1200]), TensorDataset(images[1200:], labels[1200:])


def train(seed: int = 0, learning_rate: float = 0.06) -> tuple[str, float]:
    """Train at a learning rate.

    Returns:
        The run's id, and the final validation accuracy.
    """
    torch.manual_seed(seed)
    training, validation = digits(seed)
    loader = DataLoader(training, batch_size=32, shuffle=True, drop_last=True)
    model = nn.Sequential(
        nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
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
        fix = diagnosis.findings[0].prescriptions[0]
        print(f"Applying the first fix: {fix.action}")
        _, accuracy_after = train(seed, learning_rate=float(fix.suggested))
        print(f"Validation accuracy {accuracy_before:.3f} before, {accuracy_after:.3f} after.")
