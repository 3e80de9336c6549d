"""Update ratios: a layer decades from the others, and ordinary differences."""

from __future__ import annotations

from types import ModuleType

import pytest

from tuneguard.findings import Abstained, Finding, Passed, Severity
from tuneguard.rules.update_ratio_out_of_band import UpdateRatioOutOfBand


@pytest.mark.parametrize("ratio", [1e-8, 3e-7, 0.9])
def test_a_layer_decades_from_the_others_is_named(ratio: float, runs: ModuleType) -> None:
    for seed in range(5):
        run = runs.uneven(seed, ratio)
        finding = UpdateRatioOutOfBand().check(run.history())
        assert isinstance(finding, Finding)
        assert finding.severity is Severity.INFO
        assert finding.evidence[0].metric == "update_ratio/layer3"
        assert finding.evidence[0].value == pytest.approx(ratio, rel=0.1)


@pytest.mark.parametrize("ratio", [1e-5, 3e-4, 0.05, 0.2, 0.0])
def test_ordinary_differences_and_frozen_layers_pass(ratio: float, runs: ModuleType) -> None:
    assert isinstance(UpdateRatioOutOfBand().check(runs.uneven(0, ratio).history()), Passed)


def test_a_network_that_moves_little_as_a_whole_passes(runs: ModuleType) -> None:
    run = runs.updated(runs.healthy(0), 0, dict.fromkeys(runs.LAYERS, 1e-7))
    assert isinstance(UpdateRatioOutOfBand().check(run.history()), Passed)


def test_two_layers_are_too_few_to_compare(runs: ModuleType) -> None:
    run = runs.uneven(0)
    few = {f"update_ratio/{name}": None for name in runs.LAYERS[:6]}
    kept = {key: points for key, points in run.others.items() if key not in few}
    outcome = UpdateRatioOutOfBand().check(
        type(run)(run.losses, run.norms, kept, run.params, run.layers).history()
    )
    assert isinstance(outcome, Abstained)
    assert "callback" in outcome.needs
