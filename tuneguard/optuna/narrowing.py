"""A search space made smaller by what was found in past runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from tuneguard.optuna.past_trials import Advice, PastRun, PastTrial
from tuneguard.treatment.settings import Settings

End = Literal["low", "high"]
Numbers: TypeAlias = FloatDistribution | IntDistribution

_SIGN: Final[Mapping[End, float]] = {"low": -1.0, "high": 1.0}
_WORDS: Final[Mapping[End, tuple[str, str, str]]] = {
    "low": ("at least", "or less", "lowest"),
    "high": ("at most", "or more", "highest"),
}


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One end of one parameter's range that was moved.

    Attributes:
        parameter: Its name in the search space.
        end: Which end.
        before: Where it was.
        after: Where it is now.
        reason: Why, in one sentence.
    """

    parameter: str
    end: End
    before: float
    after: float
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.parameter}: {_WORDS[self.end][0]} {self.after:.4g} in place of "
            f"{self.before:.4g}: {self.reason}"
        )


class NarrowedSpace(dict[str, BaseDistribution]):
    """A search space, as `study.ask` takes it, and what was narrowed in it.

    Attributes:
        narrowings: The ends that were moved.
    """

    def __init__(
        self, space: Mapping[str, BaseDistribution], narrowings: Iterable[Narrowing]
    ) -> None:
        super().__init__(space)
        self.narrowings = tuple(narrowings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.narrowings)) or "Nothing was narrowed."


def narrowed(
    space: Mapping[str, BaseDistribution],
    runs: Iterable[PastRun],
    *,
    names: Mapping[str, str] | None = None,
) -> NarrowedSpace:
    """Leave out of a search what past runs found faulty.

    Where a run was prescribed a lower value of a parameter, as for a learning rate that is too
    high, and no healthy run had as high a value, the high end of the range comes down to what
    was prescribed for the lowest such value, but not past the highest value of a healthy run; the
    low end goes up likewise. Where both ends would cross they go no further than to the values
    that were found faulty. Choices among categories stay as they are.

    Args:
        space: Parameter to its distribution.
        runs: Past runs, or the diagnoses of runs with their params. What they do not say of a
            parameter leaves it alone.
        names: Setting to the parameter that holds it, such as `{"learning_rate": "eta"}`, where
            the parameter's name does not tell.

    Returns:
        The space with the same parameters. Printed, it says what was narrowed and why.

    Raises:
        TuneGuardError: `names` holds an unknown setting, or a parameter that is not in the space.
    """
    Settings(space, names)  # refuses names that do not fit
    trials = [PastTrial.of(run, space, names or {}) for run in runs]
    found: list[Narrowing] = []
    smaller = dict(space)
    for key, one in space.items():
        if isinstance(one, FloatDistribution | IntDistribution):
            moves = _moves(key, one, trials)
            smaller[key] = _between(one, {move.end: move.after for move in moves})
            found += moves
    return NarrowedSpace(smaller, found)


@dataclass(frozen=True, slots=True)
class _Case:
    """What speaks about one end of one parameter's range.

    Attributes:
        end: Which end.
        against: What speaks against values near it, beyond those of all healthy runs; what
            speaks against values nearest to the healthy ones comes first. Never empty.
        healthy: The values of healthy runs.
    """

    end: End
    against: Sequence[Advice]
    healthy: Sequence[float]


def _moves(key: str, one: Numbers, trials: Sequence[PastTrial]) -> list[Narrowing]:
    """Return which ends of a range move; none where they would cross."""
    healthy = [it.values[key] for it in trials if it.is_healthy and key in it.values]
    advice = [it for trial in trials for it in trial.advice if it.parameter == key]
    cases = [
        _Case(end, found, healthy) for end in _SIGN if (found := _against(end, advice, healthy))
    ]
    for is_bold in (True, False):
        moves = [_move(key, one, case, is_bold=is_bold) for case in cases]
        ends = {"low": one.low, "high": one.high} | {it.end: it.after for it in moves}
        if ends["low"] < ends["high"]:
            return [it for it in moves if it.after != it.before]
    return []


def _against(end: End, advice: Iterable[Advice], healthy: Sequence[float]) -> list[Advice]:
    sign = _SIGN[end]
    against = [
        one
        for one in advice
        if sign * one.prescribed < sign * one.tried
        and all(sign * value < sign * one.tried for value in healthy)
    ]
    return sorted(against, key=lambda one: sign * one.tried)


def _move(key: str, one: Numbers, case: _Case, *, is_bold: bool) -> Narrowing:
    """Move an end to what was prescribed, or, if not bold, to what was found faulty."""
    end, nearest = case.end, case.against[0]
    sign = _SIGN[end]
    _, beyond, extreme = _WORDS[end]
    rules = ", ".join(dict.fromkeys(it.rule for it in case.against))
    count = "1 run" if len(case.against) == 1 else f"{len(case.against)} runs"
    reason = f"{count} with {nearest.tried:.4g} {beyond} found faulty ({rules})"
    target = nearest.prescribed if is_bold else nearest.tried
    if is_bold:
        reason += f"; {nearest.prescribed:.4g} was prescribed for {nearest.tried:.4g}"
    known = max((sign * value for value in case.healthy), default=None)
    if known is not None and known > sign * target:
        target = sign * known
        reason += f"; {target:.4g} is the {extreme} of a healthy run"
    before = float(getattr(one, end))
    other = float(one.low if end == "high" else one.high)
    inside = sign * max(min(sign * target, sign * before), sign * other)
    return Narrowing(key, end, before, _on_grid(one, inside, end), f"{reason}.")


def _on_grid(one: Numbers, value: float, end: End) -> float:
    """Return the nearest value on the grid of a distribution that leaves `value` inside."""
    if not one.step:
        return value
    steps = (value - one.low) / one.step
    whole = round(steps)
    if abs(steps - whole) > 1e-9:
        whole = int(steps) + (end == "high")
    return float(min(one.low + whole * one.step, one.high))


def _between(one: Numbers, ends: Mapping[End, float]) -> Numbers:
    low, high = ends.get("low", one.low), ends.get("high", one.high)
    if isinstance(one, IntDistribution):
        return IntDistribution(int(low), int(high), log=one.log, step=one.step)
    return FloatDistribution(low, high, log=one.log, step=one.step)
