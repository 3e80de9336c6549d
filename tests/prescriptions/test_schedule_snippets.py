"""How the learning rate runs with a schedule that was prescribed."""

from __future__ import annotations

import pytest
import torch

from tests.prescriptions.builders import Loop, prescribe
from tuneguard.findings import Prescription
from tuneguard.prescriptions.schedules import inverse_square_root, keep_below, settle_from


def rates(loop: Loop, fix: Prescription, steps: int) -> list[float]:
    scheduler = loop.execute(fix)["scheduler"]
    found = []
    for _ in range(steps):
        found.append(loop.optimizer.param_groups[0]["lr"])
        loop.optimizer.step()
        scheduler.step()
    return found


def test_the_rate_falls_with_the_root_of_the_step_from_where_progress_ended(loop: Loop) -> None:
    found = rates(loop, inverse_square_root(10), 41)
    assert found[:11] == pytest.approx([0.1] * 11)
    assert found[40] == pytest.approx(0.05)


def test_a_rate_that_was_stood_is_decayed_to_nothing(loop: Loop) -> None:
    found = rates(loop, settle_from(0.02, 20), 21)
    assert found[0] == pytest.approx(0.02)
    assert found[20] == pytest.approx(0.0, abs=1e-12)


def test_a_rate_that_was_stood_can_be_kept(loop: Loop) -> None:
    loop.execute(settle_from(0.02, 20, "constant"))
    assert loop.optimizer.param_groups[0]["lr"] == 0.02


@pytest.mark.parametrize(("rate", "kept"), [(0.6, 0.02), (0.01, 0.01)])
def test_a_bound_holds_down_what_is_above_it_alone(rate: float, kept: float, loop: Loop) -> None:
    loop.optimizer.param_groups[0]["lr"] = rate
    loop.execute(keep_below(0.02, 0.6))
    assert loop.optimizer.param_groups[0]["lr"] == kept


def test_a_larger_batch_and_a_lower_rate_are_prescribed_in_one(loop: Loop) -> None:
    fix = prescribe("larger_batch_at_lower_rate")
    names = loop.execute(fix)
    assert loop.optimizer.param_groups[0]["lr"] == pytest.approx(0.03)
    assert names["settings"]["batch_size"] > 1
    assert [one.parameter for one in fix.changes] == ["batch_size", "learning_rate"]


def test_the_loss_of_a_mixture_lies_between_those_of_its_labels(loop: Loop) -> None:
    mixed = loop.execute(prescribe("mix_samples"))["mixed_loss"]
    seen: list[float] = []

    def criterion(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = torch.nn.functional.cross_entropy(outputs, targets)
        seen.append(loss.item())
        return loss

    loss = mixed(loop.model.eval(), criterion, torch.randn(8, 4), torch.arange(8) % 3)
    own, others = sorted(seen)
    assert own - 1e-6 <= loss.item() <= others + 1e-6
