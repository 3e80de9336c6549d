"""Every snippet runs as it stands, and every prescription says all that it should."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
import torch

import tuneguard.prescriptions
from tests.prescriptions.builders import BUILDERS, SETTINGS, Loop, prescribe


def test_every_builder_is_tested() -> None:
    package = tuneguard.prescriptions
    modules = [
        importlib.import_module(f"{package.__name__}.{one.name}")
        for one in pkgutil.iter_modules(package.__path__)
        if one.name != "boosting"
    ]
    builders = {
        name
        for module in modules
        for name, one in inspect.getmembers(module, inspect.isfunction)
        if one.__annotations__.get("return") == "Prescription" and not name.startswith("_")
    }
    assert builders == set(BUILDERS)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("builder", BUILDERS)
def test_a_snippet_runs_as_it_stands(builder: str, settings: str, loop: Loop) -> None:
    fix = prescribe(builder, settings)
    names = loop.execute(fix)
    assert names["model"](torch.randn(2, 4)).shape == (2, 3)
    names["optimizer"].step()


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("builder", BUILDERS)
def test_a_prescription_says_everything_and_changes_something(builder: str, settings: str) -> None:
    fix = prescribe(builder, settings)
    assert all((fix.suggested, fix.action, fix.rationale, fix.tradeoff, fix.verify))
    assert not {"None", "nan", "inf"} & {*fix.suggested.split(), *fix.action.split()}
    assert fix.current != fix.suggested
    assert all(len(line) <= 99 for line in fix.snippet.splitlines())
