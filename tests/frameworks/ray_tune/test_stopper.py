"""A stopper in front of trials that real processes of Ray train."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray")
tune = pytest.importorskip("ray.tune")

from tuneguard import TuneGuardError  # noqa: E402 - Ray may be missing
from tuneguard.ray_tune import TuneGuardStopper  # noqa: E402

EPOCHS = 30


def course(kind: str) -> list[float]:
    fine = [0.3 + 2.0 * 0.8**epoch for epoch in range(EPOCHS)]
    if kind == "nan":
        return [*fine[:5], *[math.nan] * (EPOCHS - 5)]
    if kind == "diverged":
        return [*fine[:8], *[fine[7] * 1.6**more for more in range(1, EPOCHS - 7)]]
    return fine


def results(kind: str, name: str = "train_loss", **config: Any) -> Iterator[dict[str, Any]]:
    """Yield what Tune hands to a stopper."""
    for epoch, loss in enumerate(course(kind), 1):
        yield {name: loss, "training_iteration": epoch, "pid": 1, "config": config, "date": "x"}


def ended(stopper: TuneGuardStopper, reported: Iterator[dict[str, Any]]) -> int | None:
    return next((one["training_iteration"] for one in reported if stopper("one", one)), None)


@pytest.mark.parametrize("kind", ["nan", "diverged"])
def test_a_doomed_trial_ends_and_says_why(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tuneguard.ray_tune"):
        at = ended(TuneGuardStopper(iterations=EPOCHS), results(kind))

    assert at is not None
    assert at < 0.75 * EPOCHS
    assert {"nan": "non-finite-values", "diverged": "divergence"}[kind] in caplog.text


def test_a_healthy_trial_goes_on() -> None:
    stopper = TuneGuardStopper()

    assert ended(stopper, results("fine", epochs=EPOCHS)) is None
    assert not stopper.stop_all()


def test_trials_are_kept_apart() -> None:
    stopper = TuneGuardStopper(iterations=EPOCHS)
    pairs = zip(results("nan"), results("fine"), strict=True)

    said = [(stopper("lost", lost), stopper("fine", fine)) for lost, fine in pairs]

    assert any(lost for lost, _ in said)
    assert not any(fine for _, fine in said)


def test_a_name_that_does_not_tell_can_be_said() -> None:
    unknown, known = TuneGuardStopper(), TuneGuardStopper({"train_loss": "badness"})

    assert ended(known, results("diverged", "badness", epochs=EPOCHS)) is not None
    assert ended(unknown, results("diverged", "badness", epochs=EPOCHS)) is None


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(TuneGuardError, match="train_loss"):
        TuneGuardStopper({"loss_of_train": "loss"})


def start_ray(attempts: int = 3) -> None:
    """Start Ray, which gives up after half a minute where the machine is busy."""
    try:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    except Exception:
        ray.shutdown()
        if attempts == 1:
            raise
        start_ray(attempts - 1)


def train(config: dict[str, Any]) -> None:
    for loss in course(config["kind"]):
        tune.report({"train_loss": loss, "val_loss": loss + 0.1, "note": "text"})


def test_trials_in_processes_of_ray_end_where_they_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    start_ray()
    try:
        found = tune.Tuner(
            train,
            param_space={"kind": tune.grid_search(["nan", "diverged", "fine"])},
            run_config=tune.RunConfig(
                storage_path=str(tmp_path),
                stop=TuneGuardStopper(iterations=EPOCHS),
                verbose=0,
            ),
        ).fit()
    finally:
        ray.shutdown()

    assert not found.errors
    reached = {one.config["kind"]: one.metrics["training_iteration"] for one in found}
    assert reached["fine"] == EPOCHS
    assert 5 < reached["nan"] < 0.5 * EPOCHS
    assert 8 < reached["diverged"] < 0.75 * EPOCHS
