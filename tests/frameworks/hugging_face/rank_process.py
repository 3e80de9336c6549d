"""One rank of a small training by the Trainer, started by `torchrun`.

Called with a folder. Each rank leaves there, as JSON, what its own parameters' hooks and its own
forward passes saw of the steps.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments

from tuneguard.transformers import TuneGuardCallback

STEPS = 6
LIMIT = 0.05


class Net(nn.Module):
    """A classifier of eight inputs, whose loss is that of its own rank."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(6, 8)
        self.last = nn.Linear(8, 3)

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.last(torch.tanh(self.first(inputs)))
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class Witness(TrainerCallback):
    """Computes, with a copy of the model, the loss of its own batches and the gradient of all."""

    def __init__(self) -> None:
        self.batches: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.losses: list[float] = []
        self.norms: list[float] = []

    def on_step_begin(self, *_: Any, model: Net, **__: Any) -> None:
        self.weights = {name: one.detach().clone() for name, one in model.named_parameters()}

    def note(self, _: nn.Module, given: dict[str, torch.Tensor]) -> None:
        self.batches.append((given["inputs"], given["labels"]))

    def on_step_end(self, *_: Any, **__: Any) -> None:
        twin = Net()
        twin.load_state_dict(self.weights)
        total = torch.zeros(())
        own = [float(twin(*batch)["loss"]) for batch in self.batches]
        self.losses.append(sum(own) / len(own))
        for inputs, labels in self.batches:
            parts = [gathered(inputs), gathered(labels)]
            total = total + twin(*parts)["loss"] / len(self.batches)
        total.backward()
        squares = sum(float(one.grad.double().square().sum()) for one in twin.parameters())
        self.norms.append(squares**0.5)
        self.batches = []


def gathered(own: torch.Tensor) -> torch.Tensor:
    """Return the tensors of all ranks, one behind the other."""
    parts = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, own)
    return torch.cat(parts)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(96, 6, generator=generator)
    data = [{"inputs": one, "labels": one[:3].argmax()} for one in inputs]
    witness, guard, net = Witness(), TuneGuardCallback(live=False), Net()
    net.register_forward_pre_hook(
        lambda module, _, given: witness.note(module, given), with_kwargs=True
    )
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        use_cpu=True,
        ddp_backend="gloo",
        report_to="none",
        save_strategy="no",
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        max_grad_norm=LIMIT,
        learning_rate=0.05,
        max_steps=STEPS,
        disable_tqdm=True,
    )
    Trainer(net, arguments, train_dataset=data, callbacks=[guard, witness]).train()
    rank = os.environ["RANK"]
    seen = {"run_id": guard.run_id, "losses": witness.losses, "norms": witness.norms}
    (folder / f"rank{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
