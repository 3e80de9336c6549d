"""What a Trainer's user is told while the model trains, and how the training ends by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from torch import nn
from transformers.utils import logging as transformers_logging

from tuneguard import Finding
from tuneguard.transformers import TuneGuardCallback
from tuneguard.transformers.announcements import Announcements

Train = Callable[..., Any]


def spoil(net: nn.Module, after: int) -> None:
    """Have a network's loss be NaN from some forward pass on."""

    def poison(_: nn.Module, __: Any, outputs: dict[str, Any]) -> None:
        if len(net.losses) > after:
            outputs["loss"] = outputs["loss"] * float("nan")

    net.register_forward_hook(poison)


def test_a_lost_training_ends_itself_where_that_is_asked(train: Train, net: nn.Module) -> None:
    spoil(net, 5)
    trained = train(net, TuneGuardCallback(stop_early=True), max_steps=100_000, logging_steps=1000)
    assert trained.trainer.state.global_step < 100_000


def test_findings_are_told_as_they_are_and_listed_at_the_end(
    train: Train, net: nn.Module, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    transformers_logging.enable_propagation()
    request.addfinalizer(transformers_logging.disable_propagation)
    heard: list[Finding] = []
    spoil(net, 5)
    trained = train(net, TuneGuardCallback(on_finding=heard.append))
    assert "non-finite-values" in [one.rule for one in heard]
    told = [one.getMessage() for one in caplog.records if one.name == "tuneguard.live"]
    assert any("non-finite-values (TG401, critical)" in one for one in told)
    of_the_trainer = [one for one in caplog.records if one.name == "transformers.tuneguard"]
    listed = of_the_trainer[-1].getMessage()
    assert "non-finite-values (critical)" in listed
    assert listed.endswith(f"for the review: tuneguard diagnose {trained.guard.run_id}")


def test_lines_go_above_the_bar_where_nobody_has_set_up_logging(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    live = logging.getLogger("tuneguard.live")
    monkeypatch.setattr(live, "propagate", False)
    announcements = Announcements(None)
    live.warning("At step 3: found")
    announcements.close(None)
    assert capfd.readouterr().err == "At step 3: found\n"
    assert live.handlers == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": 1}, "takes no 'model': the Trainer says it"),
        ({"bugdet": 0.1}, "takes no 'bugdet': known: budget, "),
    ],
)
def test_options_that_do_not_exist_are_refused_at_once(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        TuneGuardCallback(**options)


@pytest.mark.parametrize("options", [{"budget": 2.0}, {"num_classes": 0}, {"flush_every": -1}])
def test_options_that_make_no_sense_are_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        TuneGuardCallback(**options)
