"""A change that is prescribed is made to a training as a person would make it."""

import math

import pytest

pytest.importorskip("tomllib")

import torch
from torch import nn

from benchmarks.error_rates.plan import full_plan, setup_of
from benchmarks.error_rates.programs import PROGRAMS
from benchmarks.repair_rates.kinds import beyond, repairable
from benchmarks.repair_rates.rebuilding import rebuilt
from benchmarks.repair_rates.weights import Around
from tuneguard.findings import Change


def faulty(program, fault):
    spec = next(one for one in full_plan() if (one.program, one.fault) == (program, fault))
    return setup_of(spec)


@pytest.mark.parametrize(
    ("change", "read", "expected"),
    [
        (Change("learning_rate", 0.5, "multiply"), lambda it: it.optimizer.keywords["lr"], 0.015),
        (Change("learning_rate", 0.01), lambda it: it.optimizer.keywords["lr"], 0.01),
        (Change("weight_decay", 0.1), lambda it: it.optimizer.keywords["weight_decay"], 0.1),
        (Change("batch_size", 4.0, "multiply"), lambda it: it.batch_size, 256),
        (Change("steps", 900.0), lambda it: it.steps, 900),
        (Change("clip_norm", 1.5), lambda it: it.clip_norm, 1.5),
        (Change("momentum", 0.5), lambda it: it.optimizer.keywords["momentum"], 0.5),
        (Change("zero_grad", True), lambda it: it.clears_gradients, True),
        (Change("hidden_width", 2.0, "multiply"), lambda it: it.model()[0].out_features, 96),
        (Change("hidden_layers", 1.0, "add"), lambda it: len(it.model()), 7),
        (Change("dropout", 0.3), lambda it: it.model()[2].p, 0.3),
        (Change("activation", "leaky_relu"), lambda it: it.model()[1].negative_slope, 0.01),
        (Change("schedule", "cosine"), lambda it: round(it.rate(0.5), 6), 0.5),
        (Change("schedule", "inverse_square_root from 60"), lambda it: it.rate(0.4), 0.5),
        (Change("highest_learning_rate", 0.006), lambda it: it.rate(0.5), 0.2),
        (Change("warmup_steps", 60.0), lambda it: round(it.rate(0.05), 6), 0.51),
    ],
)
def test_a_change_is_made(change, read, expected):
    changed = rebuilt(PROGRAMS["mlp_relu"](), [change])
    assert read(changed) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("program", "change"),
    [
        ("fine_tuning", Change("activation", "relu")),
        ("regression", Change("label_smoothing", 0.1)),
        ("mlp_relu", Change("schedule", "reduce_on_plateau")),
        ("mlp_relu", Change("num_workers", 4.0)),
        ("regression", Change("momentum", 0.9)),
        ("mlp_relu", Change("target_scale", "standardised")),
    ],
)
def test_what_a_program_has_no_place_for_is_not_tried(program, change):
    assert rebuilt(PROGRAMS[program](), [change]) is None
    assert rebuilt(PROGRAMS[program](), [Change("clip_norm", 1.0), change]) is None


def test_adamw_keeps_what_it_knows_of_the_settings():
    changed = rebuilt(PROGRAMS["mlp_relu"](), [Change("optimizer", "adamw")])
    built = changed.optimizer(nn.Linear(2, 2).parameters())
    assert isinstance(built, torch.optim.AdamW)
    assert built.defaults["lr"] == 0.03


def test_a_new_initialisation_undoes_the_one_that_was_made():
    changed = rebuilt(faulty("mlp_relu", "exploding_init"), [Change("initialisation", "kaiming")])
    model = changed.model()
    changed.prepare(model)
    assert float(model[2].weight.detach().std()) == pytest.approx(math.sqrt(2 / 48), rel=0.1)
    assert not model[2].bias.any()


def test_nothing_is_detached_any_more():
    setup = faulty("mlp_relu", "detached_layers")
    changed = rebuilt(setup, [Change("detached", False)])
    model = changed.model()
    changed.prepare(model)
    model(torch.randn(3, 20)).sum().backward()
    assert all(one.grad is not None for one in model.parameters())


def test_every_parameter_is_given_to_the_optimizer():
    setup = faulty("mlp_relu", "missing_from_optimizer")
    model = setup.model()
    changed = rebuilt(setup, [Change("trained_parameters", "all")])
    assert len(list(setup.parameters(model))) < len(list(changed.parameters(model))) == 6


def test_tokens_have_no_scale() -> None:
    setup = faulty("embedding_bag", "bounded_output")
    assert rebuilt(setup, [Change("input_scale", "standardised")]) is None


def test_inputs_have_unit_scale():
    changed = rebuilt(
        faulty("mlp_relu", "unscaled_inputs"), [Change("input_scale", "standardised")]
    )
    inputs = changed.data(0).train[0]
    assert float(inputs.mean()) == pytest.approx(0.0, abs=1e-3)
    assert float(inputs.std()) == pytest.approx(1.0, abs=1e-2)


def test_targets_have_unit_scale_in_every_part():
    setup = PROGRAMS["regression"]()
    changed = rebuilt(setup, [Change("target_scale", "standardised")])
    before, after = setup.data(0), changed.data(0)
    assert float(after.train[1].std()) == pytest.approx(1.0, abs=1e-2)
    ratios = (after.test[1] - after.test[1].mean()) / (before.test[1] - before.test[1].mean())
    assert torch.allclose(ratios, ratios[0].expand_as(ratios), rtol=1e-2)


def test_rmsprop_takes_what_it_knows_of_the_settings():
    changed = rebuilt(
        PROGRAMS["mlp_relu"](), [Change("optimizer", "rmsprop"), Change("learning_rate", 0.002)]
    )
    built = changed.optimizer(nn.Linear(2, 2).parameters())
    assert isinstance(built, torch.optim.RMSprop)
    assert (built.defaults["lr"], built.defaults["momentum"]) == (0.002, 0)


def test_weights_are_scaled_on_the_first_batch_and_no_later():
    changed = rebuilt(faulty("mlp_relu", "tiny_init"), [Change("initialisation", "unit_variance")])
    model = changed.model()
    changed.prepare(model)
    inputs = torch.randn(500, 20)
    model(inputs)
    scaled = model[0].weight.detach().clone()
    assert float(model[0](inputs).detach().var(0).mean()) == pytest.approx(1.0, rel=1e-3)
    model(10.0 * inputs)
    assert torch.equal(model[0].weight, scaled)


def test_nothing_stands_behind_the_last_layer():
    setup = faulty("mlp_relu", "double_softmax")
    changed = rebuilt(setup, [Change("output_activation", "none")])
    assert isinstance(changed.model()[-1], nn.Linear)


def test_a_path_goes_around_each_layer_that_is_as_wide_after_as_before():
    changed = rebuilt(PROGRAMS["mlp_tanh"](), [Change("residual", True)])
    model = changed.model()
    assert [type(one).__name__ for one in model] == ["Sequential", "Around", "Around", "Linear"]
    assert model(torch.randn(5, 12)).shape == (5, 3)


def test_every_kind_of_fault_is_either_repairable_or_said_why_not():
    kinds = {one.fault for one in full_plan() if one.fault is not None}
    assert repairable() | set(beyond()) == kinds
    assert not repairable() & set(beyond())


def test_a_path_around_layers_leaves_room_for_other_changes_of_them():
    changes = [Change("residual", True), Change("normalisation", "layer")]
    model = rebuilt(PROGRAMS["mlp_relu"](), changes).model()
    assert sum(isinstance(module, nn.LayerNorm) for module in model.modules()) == 2
    assert sum(isinstance(module, Around) for module in model.modules()) == 1


def test_what_is_emulated_of_float16_goes_with_its_scaler():
    setup = faulty("gru", "loss_scale_collapse")
    assert setup.scaler is not None
    changed = rebuilt(setup, [Change("precision", "bfloat16")])
    assert changed.scaler is None
    model = nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    changed.after_backward(model, 0)
    assert all(torch.isfinite(one.grad).all() for one in model.parameters())
