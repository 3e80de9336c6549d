"""What is recorded of a Trainer's steps, against what other eyes saw of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
)

from tuneguard import diagnose, keys

Train = Callable[..., Any]
NORM = keys.GRADIENT_NORM_GLOBAL


def in_threes(losses: list[float], an_epoch: int) -> list[float]:
    """Means over the micro-batches of steps, of which the last of an epoch has fewer."""
    epochs = [losses[start : start + an_epoch] for start in range(0, len(losses), an_epoch)]
    steps = [own[start : start + 3] for own in epochs for start in range(0, an_epoch, 3)]
    return [sum(step) / len(step) for step in steps]


@pytest.mark.parametrize("limit", [0.0, 0.05])
@pytest.mark.parametrize("changes", [{}, {"bf16": True}], ids=["single", "bfloat16"])
def test_norms_are_those_before_clipping(
    train: Train, net: nn.Module, limit: float, changes: dict[str, bool]
) -> None:
    trained = train(net, max_grad_norm=limit, **changes)
    assert len(trained.witness.norms) == 20
    assert trained.values(NORM) == pytest.approx(trained.witness.norms, rel=1e-5)
    assert trained.values(keys.TRAIN_LOSS) == pytest.approx(net.losses, rel=1e-6)
    factors = [min(limit / norm, 1.0) if limit else 1.0 for norm in trained.witness.norms]
    assert trained.values(keys.CLIPPING_FACTOR) == pytest.approx(factors, rel=1e-3)


def test_a_gradient_is_read_when_the_last_micro_batch_was_added(
    train: Train, net: nn.Module
) -> None:
    trained = train(net, gradient_accumulation_steps=3, max_grad_norm=0.05)
    assert len(trained.witness.norms) == 8
    assert trained.values(NORM) == pytest.approx(trained.witness.norms, rel=1e-5)
    assert trained.values(keys.TRAIN_LOSS) == pytest.approx(in_threes(net.losses, 10))


def test_norms_are_without_the_loss_scale_and_skipped_steps_are_counted(
    train: Train, net: nn.Module
) -> None:
    def scale(trainer: Trainer) -> None:
        trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8)
        net.first.weight.register_hook(spoil)

    calls = 0

    def spoil(gradient: torch.Tensor) -> torch.Tensor | None:
        nonlocal calls
        calls += 1
        return torch.full_like(gradient, torch.inf) if calls == 5 else None

    trained = train(net, prepare=scale, max_grad_norm=0.05)
    scales = [2.0**8] * 5 + [2.0**7] * 15
    expected = [norm / own for norm, own in zip(trained.witness.norms, scales, strict=True)]
    recorded = trained.values(NORM)
    assert recorded[:4] + recorded[5:] == pytest.approx(expected[:4] + expected[5:], rel=1e-5)
    # the fused optimizer is told at every step whether to skip it
    assert trained.values(keys.SKIPPED_STEPS) == [0.0] * 4 + [1.0] * 16


def test_a_language_model_is_averaged_over_the_tokens_of_a_step(train: Train) -> None:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=20, n_positions=8, n_embd=16, n_layer=2, n_head=2, pad_token_id=0
    )
    model = GPT2LMHeadModel(config)
    seen: list[tuple[float, int]] = []

    def note(_: nn.Module, __: Any, given: dict[str, Any], outputs: Any) -> None:
        if outputs.logits.requires_grad:
            logits, labels = outputs.logits[:, :-1].flatten(0, 1), given["labels"][:, 1:].flatten()
            total = nn.functional.cross_entropy(logits.double(), labels, reduction="sum")
            seen.append((total.item(), int((labels != -100).sum())))

    model.register_forward_hook(note, with_kwargs=True)
    generator = torch.Generator().manual_seed(2)
    items = []
    for number in range(24):
        tokens = torch.randint(0, 20, (8,), generator=generator)
        labels = tokens.clone()
        labels[: 1 + number % 6] = -100
        items.append({"input_ids": tokens, "labels": labels})
    trained = train(
        model, items=items, gradient_accumulation_steps=3, max_grad_norm=0.1, num_train_epochs=1
    )
    steps = [seen[:3], seen[3:]]
    expected = [sum(total for total, _ in own) / sum(count for _, count in own) for own in steps]
    assert trained.values(keys.TRAIN_LOSS) == pytest.approx(expected, rel=1e-5)
    assert trained.values(NORM) == pytest.approx(trained.witness.norms, rel=1e-5)
    known = trained.history.hyperparameters
    assert (known.task, known.num_classes) == ("classification", 20)


def test_a_model_that_ignores_the_number_of_items_is_recorded_by_its_mean_loss(
    train: Train,
) -> None:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=3,
    )
    model = BertForSequenceClassification(config)
    losses: list[float] = []
    model.register_forward_hook(lambda _, __, outputs: losses.append(outputs.loss.item()))
    tokens = torch.randint(0, 20, (24, 5), generator=torch.Generator().manual_seed(2))
    items = [{"input_ids": one, "labels": one[0] % 3} for one in tokens]
    trained = train(model, items=items, gradient_accumulation_steps=3, logging_steps=1)
    means = in_threes(losses, 6)
    assert trained.values(keys.TRAIN_LOSS) == pytest.approx(means, rel=1e-5)
    assert trained.values(NORM) == pytest.approx(trained.witness.norms, rel=1e-5)
    logged = [one["loss"] for one in trained.trainer.state.log_history if "loss" in one]
    assert logged == pytest.approx([3 * one for one in means], rel=1e-3)


def test_a_loss_function_of_ones_own_is_recorded(train: Train, net: nn.Module) -> None:
    computed: list[float] = []

    def loss_of(outputs: dict[str, torch.Tensor], labels: torch.Tensor, **_: Any) -> torch.Tensor:
        loss = nn.functional.multi_margin_loss(outputs["logits"], labels)
        if loss.requires_grad:
            computed.append(loss.item())
        return loss

    net.forward = lambda inputs: {  # type: ignore[method-assign, assignment]
        "logits": net.last(torch.tanh(net.first(inputs)))
    }
    trained = train(net, compute_loss_func=loss_of, max_grad_norm=0.05)
    assert trained.values(keys.TRAIN_LOSS) == pytest.approx(computed)
    assert trained.values(NORM) == pytest.approx(trained.witness.norms, rel=1e-5)


def test_a_loss_that_the_log_hides_is_recorded(train: Train, net: nn.Module) -> None:
    def poison(_: nn.Module, __: Any, outputs: dict[str, torch.Tensor]) -> None:
        if net.training and len(net.losses) == 8:
            outputs["loss"] = outputs["loss"] * torch.nan

    net.register_forward_hook(poison)
    trained = train(net)
    losses = trained.values(keys.TRAIN_LOSS)
    assert [math.isfinite(one) for one in losses[:8]] == [True] * 7 + [False]
    logged = [one["loss"] for one in trained.trainer.state.log_history if "loss" in one]
    assert all(math.isfinite(one) for one in logged)
    found = {one.rule: one for one in diagnose(trained.history).all_findings()}
    assert found["non-finite-values"].first_step == 7.0
