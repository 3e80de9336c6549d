"""Runs whose end, noise, length and settings are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tuneguard import RunHistory

MakeRun = Callable[..., RunHistory]


@pytest.fixture(scope="session")
def run() -> MakeRun:
    def make(
        end: float = 0.5,
        *,
        seed: int = 0,
        noise: float = 0.01,
        validations: int = 40,
        key: str = "validation/loss",
        sign: float = 1.0,
        more: dict[str, list[tuple[float, float]]] | None = None,
        **params: object,
    ) -> RunHistory:
        generator = np.random.default_rng(seed)
        at = np.arange(validations)
        loss = end + 2.0 * np.exp(-at / 6.0) + noise * generator.normal(size=validations)
        steps = (20 * at + 19).tolist()
        points = list(zip(steps, (sign * loss).tolist(), strict=True))
        return RunHistory.from_series(
            {key: points, **(more or {})}, {"seed": seed, **params}, axis="step", status="finished"
        )

    return make
