from __future__ import annotations

import math

from tuneguard import diagnose
from tuneguard.boosting import REASON
from tuneguard.findings import Finding
from tuneguard.history import RunHistory

ROUNDS = 200


def overfitted(**params: str) -> RunHistory:
    falling = [(step, 0.7 * math.exp(-step / 40)) for step in range(ROUNDS)]
    turning = [(step, 0.5 + 0.2 * math.exp(-step / 10) + 0.002 * step) for step in range(ROUNDS)]
    series = {"train-logloss": falling, "valid-logloss": turning}
    return RunHistory.from_series(series, {"num_boost_round": "200", **params}, status="finished")


def overfitting(history: RunHistory) -> Finding:
    (finding,) = (one for one in diagnose(history).findings if one.rule == "overfitting")
    return finding


def test_rules_about_networks_say_why_they_cannot_judge_trees() -> None:
    unfit = {one.rule_id[:3] for one in diagnose(overfitted()).abstained if one.reason == REASON}
    assert unfit == {"TG2", "TG3", "TG4"}


def test_advice_is_about_trees() -> None:
    stop, weaker = overfitting(overfitted(max_depth="8")).prescriptions
    assert stop.parameter == "early_stopping_rounds"
    assert "round 23" in stop.suggested
    assert (weaker.parameter, weaker.current, weaker.suggested) == ("max_depth", "8", "4")


def test_depth_that_is_not_known_is_not_made_up() -> None:
    weaker = overfitting(overfitted(max_depth="-1")).prescriptions[1]
    assert weaker.current is None


def test_networks_are_advised_as_before() -> None:
    history = overfitted()
    network = RunHistory.from_series(
        {key: zip(one.steps, one.values, strict=True) for key, one in history.series.items()},
        status="finished",
    )
    assert "early_stopping_rounds" not in {
        one.parameter for one in overfitting(network).prescriptions
    }
    assert REASON not in {one.reason for one in diagnose(network).abstained}
