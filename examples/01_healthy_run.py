"""Four healthy runs, and a diagnosis that leaves them in peace.

Handwritten digits, a small network, and four ways to train it well: plain SGD, AdamW with a
cosine schedule, dropout with augmented images, and labels of which one in five is wrong. None of
them is a fault, and none raises an alarm.

    python examples/01_healthy_run.py --kind dropout --seed 3
"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard import TuneGuardCallback, diagnose, load_run
from tuneguard.reports.text import render_text

torch.set_num_threads(1)  # tensors this small are slower on several threads
KINDS = ("sgd", "adamw-cosine", "dropout", "label-noise")
EPOCHS = 20


def digits(seed: int, noise: float) -> tuple[TensorDataset, TensorDataset]:
    """Split the digits into training and validation data, a share of the labels wrong."""
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=generator)
    images, labels = images[order].float() / 16 - 0.3, labels[order]
    is_wrong = torch.rand(len(labels), generator=generator) < noise
    labels[is_wrong] = torch.randint(0, 10, (int(is_wrong.sum()),), generator=generator)
    return TensorDataset(images[:1200], labels[:1200]), TensorDataset(images[1200:], labels[1200:])


def augment(images: torch.Tensor) -> torch.Tensor:
    """Move each batch by up to one pixel and add a little noise."""
    moves = torch.randint(-1, 2, (2,)).tolist()
    moved = torch.roll(images.view(-1, 8, 8), moves, (1, 2)).reshape(len(images), 64)
    return moved + 0.1 * torch.randn_like(moved)


def build(kind: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return the network and the optimizer of a kind of run."""
    width, dropout = (32, 0.0) if kind == "label-noise" else (128, 0.3 * (kind == "dropout"))
    model = nn.Sequential(
        nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, 10),
    )  # fmt: skip
    if kind == "sgd":
        return model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return model, torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)


def train(kind: str, seed: int = 0) -> str:
    """Train, record into MLflow, and return the run's id."""
    torch.manual_seed(seed)
    training, validation = digits(seed, noise=0.2 if kind == "label-noise" else 0.0)
    loader = DataLoader(training, batch_size=32, shuffle=True, drop_last=True)
    model, optimizer = build(kind)
    steps = EPOCHS * len(loader)
    with TuneGuardCallback(model, optimizer, num_classes=10, planned_steps=steps) as guard:
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(EPOCHS):
            for images, labels in guard.batches(loader):
                inputs = augment(images) if kind == "dropout" else images
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(inputs), labels)
                loss.backward()
                guard.on_after_backward(loss)
                optimizer.step()
                if kind != "sgd":
                    scheduler.step()
            guard.on_validation_end(validate(model, validation))
    return str(guard.run_id)


def validate(model: nn.Module, data: TensorDataset) -> dict[str, torch.Tensor]:
    """Measure loss and accuracy on data that was not trained on."""
    images, labels = data.tensors
    model.eval()
    with torch.no_grad():
        outputs = model(images)
    model.train()
    return {
        "loss": nn.functional.cross_entropy(outputs, labels),
        "accuracy": (outputs.argmax(1) == labels).float().mean(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=KINDS, default="adamw-cosine")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    run_id = train(arguments.kind, arguments.seed)
    print(render_text(diagnose(load_run(run_id)), color=False))
