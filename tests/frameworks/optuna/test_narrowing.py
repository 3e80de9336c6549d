"""Ends of ranges move to where past runs were healthy, and no further."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tests.rules.runs import healthy
from tuneguard import Diagnosis, TuneGuardError
from tuneguard.findings import Change, Evidence, Finding, Prescription, Severity
from tuneguard.optuna import NarrowedSpace, narrowed

RATE = FloatDistribution(1e-6, 10.0, log=True)


def found(rule: str, *changes: Change, severity: Severity = Severity.CRITICAL) -> Finding:
    told = Prescription("it", None, "that", "Do it.", "", "", "", "", changes)
    seen = (Evidence("train/loss", "level", 2.3, 2.2, (0, 80)),)
    return Finding(rule, "TG000", severity, "It was seen.", "It matters.", seen, 0.9, (told,))


def faulty(params: dict[str, Any], *changes: Change, rule: str = "divergence") -> Any:
    return Diagnosis("critical", (found(rule, *changes),), (), ()), params


def sound(**params: Any) -> Any:
    return Diagnosis("healthy", (), (), ()), params


def rate_of(*runs: Any, space: FloatDistribution = RATE) -> tuple[float, float]:
    one = narrowed({"lr": space}, runs)["lr"]
    return one.low, one.high


def lower(rate: float, to: float) -> Any:
    return faulty({"lr": rate}, Change("learning_rate", to), rule="learning-rate-too-high")


def test_the_high_end_comes_down_to_what_was_prescribed_nearest_to_health() -> None:
    assert rate_of(lower(5.0, 0.5), lower(1.0, 0.1), sound(lr=0.01)) == (1e-6, 0.1)


def test_the_low_end_goes_up_to_what_was_prescribed() -> None:
    assert rate_of(lower(1e-5, 1e-4), lower(1e-6, 1e-5)) == (1e-4, 10.0)


def test_no_end_goes_past_a_healthy_run() -> None:
    assert rate_of(lower(1.0, 0.001), lower(1e-5, 0.1), sound(lr=0.01), sound(lr=0.02)) == (
        0.01,
        0.02,
    )


def test_what_a_healthy_run_contradicts_does_not_count() -> None:
    assert rate_of(lower(0.1, 0.01), sound(lr=0.5)) == (1e-6, 10.0)


def test_ends_that_would_cross_stop_at_what_was_found_faulty() -> None:
    assert rate_of(lower(0.1, 0.001), lower(0.01, 0.05)) == (0.01, 0.1)


def test_runs_that_contradict_each_other_narrow_nothing() -> None:
    space = narrowed({"lr": RATE}, [lower(0.01, 0.001), lower(0.1, 0.5)])

    assert space == {"lr": RATE}
    assert str(space) == "Nothing was narrowed."


def test_a_prescription_outside_of_the_range_moves_an_end_to_what_was_found_faulty() -> None:
    assert rate_of(lower(1.0, 1e-9), space=FloatDistribution(0.1, 10.0)) == (0.1, 1.0)


def test_it_says_what_it_did_and_why() -> None:
    space = narrowed({"lr": RATE}, [lower(5.0, 0.5), lower(1.0, 0.1), sound(lr=0.2)])

    assert str(space) == (
        "lr: at most 0.2 in place of 10: 2 runs with 1 or more found faulty "
        "(learning-rate-too-high); 0.1 was prescribed for 1; 0.2 is the highest of a healthy run."
    )


def test_other_settings_are_narrowed_by_their_changes() -> None:
    space = {
        "weight_decay": FloatDistribution(0.0, 1.0),
        "p_dropout": FloatDistribution(0.0, 0.9),
        "batch_size": IntDistribution(8, 512, step=8),
        "max_grad_norm": FloatDistribution(0.1, 100.0, log=True),
        "optimizer": CategoricalDistribution(["sgd", "adamw"]),
    }
    runs = [
        faulty({"weight_decay": 0.5}, Change("weight_decay", 0.05)),
        faulty({"p_dropout": 0.1}, Change("dropout", 0.3)),
        faulty({"batch_size": "16"}, Change("batch_size", 2.2, "multiply")),
        faulty({"max_grad_norm": 50.0}, Change("clip_norm", 1.5)),
        faulty({"optimizer": "sgd"}, Change("optimizer", "adamw")),
    ]

    smaller = narrowed(space, runs)

    assert smaller["weight_decay"] == FloatDistribution(0.0, 0.05)
    assert smaller["p_dropout"] == FloatDistribution(0.3, 0.9)
    assert smaller["batch_size"] == IntDistribution(32, 512, step=8)
    assert smaller["max_grad_norm"] == FloatDistribution(0.1, 1.5, log=True)
    assert smaller["optimizer"] == space["optimizer"]
    assert len(smaller.narrowings) == 4


def test_a_change_that_comes_with_others_does_not_count() -> None:
    both = (Change("weight_decay", 0.01), Change("optimizer", "adamw"))
    runs = [faulty({"weight_decay": 0.0, "optimizer": "adam"}, *both)]

    assert narrowed({"weight_decay": FloatDistribution(0.0, 1.0)}, runs).narrowings == ()


def test_advice_is_no_reason() -> None:
    advice = found("batch-size", Change("batch_size", 256.0), severity=Severity.INFO)
    run = Diagnosis("info", (advice,), (), ()), {"batch_size": 16}

    assert narrowed({"batch_size": IntDistribution(8, 512)}, [run]).narrowings == ()


def test_a_parameter_of_any_name_can_be_said() -> None:
    run = faulty({"eta": 1.0}, Change("learning_rate", 0.1))

    assert narrowed({"eta": RATE}, [run]).narrowings == ()
    assert narrowed({"eta": RATE}, [run], names={"learning_rate": "eta"})["eta"].high == 0.1


@pytest.mark.parametrize("names", [{"rate": "lr"}, {"learning_rate": "eta"}])
def test_names_that_do_not_fit_are_refused(names: dict[str, str]) -> None:
    with pytest.raises(TuneGuardError, match="rate"):
        narrowed({"lr": RATE}, [], names=names)


def test_runs_are_diagnosed_where_they_are_given() -> None:
    run = healthy(0).history()
    rate = float(run.params["lr"])

    space = narrowed({"lr": RATE}, [run, lower(100.0 * rate, 0.01 * rate)])

    assert isinstance(space, NarrowedSpace)
    assert space["lr"].high == rate
