"""Exploding gradients, by their real cause: a recurrent network over 40 steps, without clipping.

The network sums a random walk. Its recurrent weights expand what passes through them, so now and
then the gradient leaps and one step undoes what was learned. Expect `exploding-gradients` first.
The first fix is to clip the gradient at the 90th percentile of its own healthy norms; it is
applied here.

    python examples/04_exploding_gradients.py --seed 3
"""

import argparse
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tuneguard import TuneGuardCallback, diagnose, load_run
from tuneguard.reports.text import render_text

torch.set_num_threads(1)  # tensors this small are slower on several threads
EPOCHS = 15


class Summation(nn.Module):
    """Reads a sequence of numbers and says their scaled sum."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, width, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(width, 1)
        nn.init.orthogonal_(self.rnn.weight_hh_l0, gain=1.3)
        nn.init.zeros_(self.rnn.bias_ih_l0)
        nn.init.zeros_(self.rnn.bias_hh_l0)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        """Map sequences of shape `(batch, steps, 1)` to sums of shape `(batch,)`."""
        states, _ = self.rnn(sequences)
        sums: torch.Tensor = self.head(states[:, -1])
        return sums.squeeze(1)


def walks(seed: int) -> tuple[TensorDataset, TensorDataset]:
    """Return 1280 training and 320 validation walks of 40 steps, with where they end."""
    steps = torch.randn(1600, 40, 1, generator=torch.Generator().manual_seed(seed))
    ends = steps[:, :, 0].sum(1) / math.sqrt(40)
    return TensorDataset(steps[:1280], ends[:1280]), TensorDataset(steps[1280:], ends[1280:])


def train(seed: int = 0, clip: float | None = None) -> tuple[str, float]:
    """Train, with the gradient norm clipped at `clip` if given.

    Returns:
        The run's id, and the final validation loss.
    """
    torch.manual_seed(seed)
    training, validation = walks(seed)
    loader = DataLoader(training, batch_size=32, shuffle=True, drop_last=True)
    model = Summation()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.006, momentum=0.9)
    with TuneGuardCallback(model, optimizer, task="regression") as guard:
        for _ in range(EPOCHS):
            for sequences, sums in guard.batches(loader):
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(sequences), sums)
                loss.backward()
                guard.on_after_backward(loss)
                if clip is not None:
                    nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
            with torch.no_grad():
                validation_loss = nn.functional.mse_loss(
                    model(validation.tensors[0]), validation.tensors[1]
                )
            guard.on_validation_end({"loss": validation_loss})
    return str(guard.run_id), validation_loss.item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    run_id, loss_before = train(seed)
    diagnosis = diagnose(load_run(run_id))
    print(render_text(diagnosis, color=False))
    if diagnosis.findings:
        fix = diagnosis.findings[0].prescriptions[0]
        print(f"Applying the first fix: {fix.action}")
        _, loss_after = train(seed, clip=float(fix.suggested))
        print(f"Validation loss {loss_before:.3f} before, {loss_after:.3f} after.")
