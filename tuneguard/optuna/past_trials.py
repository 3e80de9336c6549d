"""What past runs say of the numbers that they were trained with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from tuneguard.diagnosis import Diagnosis, diagnose
from tuneguard.findings import Finding, Severity
from tuneguard.history import RunHistory
from tuneguard.history.hyperparameters import Hyperparameters
from tuneguard.treatment.settings import Settings

PastRun = RunHistory | tuple[Diagnosis, Mapping[str, Any]]
"""A run, or what was found in it and its params."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What was prescribed against a finding, for one parameter.

    Attributes:
        parameter: Its name in the search space.
        tried: Its value in the run.
        prescribed: The value that it was to have.
        rule: Name of the rule that found it.
    """

    parameter: str
    tried: float
    prescribed: float
    rule: str


@dataclass(frozen=True, slots=True)
class PastTrial:
    """A run as a point of the search space.

    Attributes:
        values: Its value of each parameter that is a number, where it is known.
        is_healthy: Whether enough could be judged, and nothing more than advice was found.
        advice: What was prescribed for it.
    """

    values: Mapping[str, float]
    is_healthy: bool
    advice: tuple[Advice, ...]

    @classmethod
    def of(
        cls, run: PastRun, space: Mapping[str, BaseDistribution], names: Mapping[str, str]
    ) -> PastTrial:
        """Place a run in a space.

        Of each finding that is more than advice, and no symptom of another, the first
        prescription counts that the numbers of the space can express.

        Args:
            run: The run.
            space: The search space.
            names: Setting to the parameter that holds it, where its name does not tell.
        """
        diagnosis, params = (
            (diagnose(run, pictures=False), run.params) if isinstance(run, RunHistory) else run
        )
        recorded = Hyperparameters.from_params(params)
        values = _values(space, params, recorded, names)
        own = {setting: key for setting, key in names.items() if key in values}
        settings = Settings(values, own)
        alarms = [one for one in diagnosis.findings if one.severity > Severity.INFO]
        return cls(
            values,
            diagnosis.verdict in {"healthy", "info"},
            tuple(it for one in alarms for it in _advice(one, values, settings, recorded)),
        )


def _values(
    space: Mapping[str, BaseDistribution],
    params: Mapping[str, Any],
    recorded: Hyperparameters,
    names: Mapping[str, str],
) -> dict[str, float]:
    """Return a run's values of the numbers of a space, as it logged them or as it was recorded."""
    values = {}
    for key, one in space.items():
        if isinstance(one, FloatDistribution | IntDistribution):
            named = {setting: own for setting, own in names.items() if own == key}
            settings = Settings({key: None}, named).known
            known = [params.get(key), *(getattr(recorded, name, None) for name in settings)]
            number = next((found for it in known if (found := _number(it)) is not None), None)
            if number is not None:
                values[key] = number
    return values


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _advice(
    finding: Finding, values: Mapping[str, float], settings: Settings, recorded: Hyperparameters
) -> Iterable[Advice]:
    treated = (settings.treated(values, one, recorded) for one in finding.prescriptions)
    first = next((one for one in treated if one is not None), {})
    for key, value in first.items():
        if value != values[key]:
            yield Advice(key, values[key], float(value), finding.rule)
