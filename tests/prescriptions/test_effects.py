"""What a snippet changes is what its prescription says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.prescriptions.builders import BUILDERS, Loop, prescribe
from tuneguard.findings import Change
from tuneguard.history import RunHistory
from tuneguard.prescriptions.learning_rate import (
    lower_learning_rate,
    raise_learning_rate,
)
from tuneguard.prescriptions.regularisation import (
    more_weight_decay,
)
from tuneguard.prescriptions.schedules import decay_to_zero
from tuneguard.prescriptions.stopping import stop_at_best


@pytest.mark.parametrize(
    ("builder", "current", "suggested", "rate"),
    [("lower_learning_rate", "0.1", "0.01", 0.01), ("raise_learning_rate", "0.1", "1", 1.0)],
)
def test_the_learning_rate_is_set_to_what_was_suggested(
    builder: str, current: str, suggested: str, rate: float, loop: Loop
) -> None:
    fix = prescribe(builder)
    assert (fix.current, fix.suggested) == (current, suggested)
    loop.execute(fix)
    assert loop.optimizer.param_groups[0]["lr"] == rate


def test_an_unknown_learning_rate_is_multiplied(loop: Loop) -> None:
    loop.execute(prescribe("lower_learning_rate", "nothing known"))
    assert loop.optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


def test_a_learning_rate_of_zero_is_raised_to_something(loop: Loop) -> None:
    history = RunHistory.from_series({}, {"lr": 0.0})
    fix = raise_learning_rate(history, factor=10.0, because="nothing was learned")
    loop.execute(fix)
    assert (fix.current, fix.suggested) == ("0", "0.001")
    assert loop.optimizer.param_groups[0]["lr"] == 0.001


def test_the_highest_recorded_rate_comes_before_the_one_that_was_set() -> None:
    history = RunHistory.from_series(
        {"learning_rate": [(0, 0.01), (1, 0.04), (2, float("nan")), (3, 0.02)]}, {"lr": 0.5}
    )
    assert lower_learning_rate(history, factor=0.5, because="it leapt").current == "0.04"


def test_clipped_gradients_have_the_suggested_norm(loop: Loop) -> None:
    fix = prescribe("clip_gradients")
    loop.execute(fix)
    norms = [p.grad.norm() for p in loop.model.parameters() if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack(norms))
    assert fix.suggested == "1.8"
    assert float(norm) == pytest.approx(1.8, rel=1e-4)


def test_the_warm_up_starts_low_and_arrives(loop: Loop) -> None:
    scheduler = loop.execute(prescribe("warm_up"))["scheduler"]
    rates = []
    for _ in range(31):
        rates.append(loop.optimizer.param_groups[0]["lr"])
        loop.optimizer.step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.001)
    assert rates[-1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("settings", "kind", "decay"),
    [("SGD", torch.optim.SGD, 5e-4), ("Adam", torch.optim.AdamW, 0.05)],
)
def test_weight_decay_is_decoupled_where_the_optimizer_adapts(
    settings: str, kind: type[torch.optim.Optimizer], decay: float, loop: Loop
) -> None:
    fix = prescribe("more_weight_decay", settings)
    optimizer = loop.execute(fix)["optimizer"]
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["weight_decay"] == float(fix.suggested) == decay


def test_dropout_is_lowered_in_every_layer(loop: Loop) -> None:
    loop.execute(prescribe("less_dropout"))
    rates = [module.p for module in loop.model.modules() if isinstance(module, nn.Dropout)]
    assert rates == [0.2]


def test_the_larger_model_has_more_parameters(loop: Loop) -> None:
    before = sum(parameter.numel() for parameter in loop.model.parameters())
    model = loop.execute(prescribe("larger_model"))["model"]
    assert sum(parameter.numel() for parameter in model.parameters()) > 4 * before


def test_training_stops_when_patience_runs_out_and_the_best_weights_are_kept(loop: Loop) -> None:
    names = loop.execute(prescribe("stop_at_best"))
    first = loop.model[0].weight.detach().clone()
    answers = []
    for loss in (3.0, 1.0, 2.0, 1.5, 1.2):
        answers.append(names["should_stop"](loss))
        if loss <= 1.0:
            with torch.no_grad():
                loop.model[0].weight.zero_()
    assert answers == [False, False, False, False, True]
    assert torch.equal(names["best"]["state"]["0.weight"], first)


def test_what_is_not_wired_is_named(loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    loop.model[0].weight.requires_grad_(False)
    loop.model[3].weight.grad = None
    group = loop.optimizer.param_groups[0]
    group["params"] = [one for one in group["params"] if one is not loop.model[5].bias]
    loop.execute(prescribe("overfit_one_batch"))
    assert capsys.readouterr().out.splitlines() == [
        "0.weight is frozen",
        "3.weight gets no gradient",
        "5.bias is not in the optimizer",
    ]


def test_an_input_that_is_not_finite_is_refused(loop: Loop) -> None:
    check = loop.execute(prescribe("find_the_first_bad_value"))["check"]
    check(torch.ones(3))
    assert torch.is_anomaly_enabled()
    with pytest.raises(AssertionError, match="not finite"):
        check(torch.tensor([1.0, float("nan")]))


def test_groups_keep_the_ratio_of_their_rates(loop: Loop) -> None:
    series = {f"learning_rate/{group}": [(0, 10.0**-group)] for group in (1, 3)}
    fix = lower_learning_rate(RunHistory.from_series(series), factor=0.1, because="it leapt")
    loop.execute(fix)
    assert fix.suggested == "0.1 times the present value, in every group"
    assert loop.optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


def test_weight_decay_is_bounded_and_a_rate_of_zero_is_not_lowered() -> None:
    run = RunHistory.from_series({}, {"weight_decay": 0.2, "optimizer": "AdamW", "lr": 0.0})
    assert more_weight_decay(run).suggested == "0.3"
    fix = lower_learning_rate(run, factor=0.1, because="it leapt")
    assert fix.action == "Set the learning rate from 0 to 0.001."


def test_a_decay_over_epochs_is_stepped_after_each_epoch(loop: Loop) -> None:
    fix = decay_to_zero(30, "epoch")
    loop.execute(fix)
    assert fix.suggested == "cosine over 30 epochs"
    assert fix.snippet.endswith("after each epoch")


def test_what_was_best_is_called_by_its_name() -> None:
    fix = stop_at_best(199.0, "step", 0.4321, 3, name="training loss")
    assert "training loss" in fix.rationale
    assert "training loss" in fix.verify


def test_a_temperature_brings_down_the_loss_of_a_model_too_sure_of_itself(loop: Loop) -> None:
    temperature = loop.execute(prescribe("fit_a_temperature"))["temperature"]
    labels = torch.arange(300) % 3
    said = torch.where(torch.arange(300) % 5 == 0, (labels + 1) % 3, labels)
    logits = 20.0 * nn.functional.one_hot(said, 3)
    divided = logits / temperature(logits, labels)
    assert nn.functional.cross_entropy(divided, labels) < 0.7
    assert torch.equal(divided.argmax(1), logits.argmax(1))


def test_samples_in_both_splits_are_counted(loop: Loop) -> None:
    shared = loop.execute(prescribe("find_shared_samples"))["shared"]
    samples = [(torch.full((2, 3), float(index)), index) for index in range(10)]
    assert shared(samples[:8], samples[6:]) == 0.5


def test_the_accuracy_is_measured_in_evaluation_mode(loop: Loop) -> None:
    accuracy = loop.execute(prescribe("validate_on_training_data"))["accuracy"]
    loop.model.eval()
    inputs = torch.randn(32, 4)
    labels = loop.model(inputs).argmax(1)
    loop.model.train()
    assert accuracy(loop.model, [(inputs, labels)] * 2) == 1.0
    assert loop.model.training


@pytest.mark.parametrize(("builder", "suggested"), [("train_longer", 1797), ("end_sooner", 150)])
def test_the_schedule_is_as_long_as_the_run(builder: str, suggested: int, loop: Loop) -> None:
    fix = prescribe(builder)
    assert fix.suggested == str(suggested)
    assert loop.execute(fix)["scheduler"].T_max == suggested


def test_a_score_is_best_where_it_is_highest(loop: Loop) -> None:
    fix = stop_at_best(9.0, "epoch", 0.8, 2, name="validation accuracy", is_higher_better=True)
    should_stop = loop.execute(fix)["should_stop"]
    assert [should_stop(score) for score in (0.5, 0.8, 0.7, 0.6)] == [False, False, False, True]


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_what_a_program_may_apply_is_a_number_a_word_or_a_flag(name: str) -> None:
    for change in prescribe(name).changes:
        assert change.parameter == change.parameter.lower()
        assert change.operation == "set" or isinstance(change.value, float)


def test_a_rate_that_is_known_is_set_and_one_that_is_not_is_multiplied() -> None:
    assert prescribe("lower_learning_rate").changes == (Change("learning_rate", 0.01),)
    unknown = prescribe("lower_learning_rate", "nothing known")
    assert unknown.changes == (Change("learning_rate", 0.1, "multiply"),)


def test_momentum_becomes_what_was_suggested() -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.99)
    Loop(model, optimizer).execute(prescribe("less_momentum"))
    assert optimizer.param_groups[0]["momentum"] == 0.9


def test_clearing_gradients_can_raise_the_rate_along(loop: Loop) -> None:
    fix = prescribe("zero_gradients")
    loop.execute(fix)
    assert loop.optimizer.param_groups[0]["lr"] == pytest.approx(0.5)
    assert fix.changes == (Change("zero_grad", True), Change("learning_rate", 5.0, "multiply"))
