"""Overfitting, by its real cause: 200 samples, wrong labels among them, a wide network, 60 epochs.

Expect `overfitting` first: the validation loss climbs away from its best while the training loss
goes to zero. The first fix is to keep the weights of the best validation; it is applied here.

    python examples/02_overfitting.py --seed 3
"""

import argparse
import copy

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard import TuneGuardCallback, diagnose, load_run
from tuneguard.reports.text import render_text

torch.set_num_threads(1)  # tensors this small are slower on several threads
EPOCHS = 60


def digits(seed: int) -> tuple[TensorDataset, TensorDataset]:
    """Return 200 training and 500 validation samples, one label in seven wrong."""
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=generator)[:700]
    images, labels = images[order].float() / 16 - 0.3, labels[order]
    is_wrong = torch.rand(700, generator=generator) < 0.15
    labels[is_wrong] = torch.randint(0, 10, (int(is_wrong.sum()),), generator=generator)
    return TensorDataset(images[:200], labels[:200]), TensorDataset(images[200:], labels[200:])


def train(seed: int = 0, patience: int | None = None) -> tuple[str, float]:
    """Train; with `patience`, stop after so many validations without a better one.

    Returns:
        The run's id, and the validation loss of the weights that are kept.
    """
    torch.manual_seed(seed)
    training, validation = digits(seed)
    loader = DataLoader(training, batch_size=20, shuffle=True)
    model = nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    best, state, waited = float("inf"), copy.deepcopy(model.state_dict()), 0
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
            if metrics["loss"] < best:
                best, state, waited = metrics["loss"], copy.deepcopy(model.state_dict()), 0
            else:
                waited += 1
            if patience is not None and waited >= patience:
                break
    if patience is not None:
        model.load_state_dict(state)
    return str(guard.run_id), validate(model, validation)["loss"]


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
    run_id, loss_before = train(seed)
    diagnosis = diagnose(load_run(run_id))
    print(render_text(diagnosis, color=False))
    if diagnosis.findings:
        print(f"Applying the first fix: {diagnosis.findings[0].prescriptions[0].action}")
        _, loss_after = train(seed, patience=6)
        print(f"Validation loss {loss_before:.3f} before, {loss_after:.3f} after.")
