"""The examples in the docstrings of the adapter hold."""

from __future__ import annotations

import doctest

import pytest

from tuneguard.transformers import evaluation_metrics, loss_shares


@pytest.mark.parametrize("module", [evaluation_metrics, loss_shares])
def test_examples_of_the_modules(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted
    assert not result.failed
