"""Which measures of two groups of runs can be compared, and in which direction each is good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuneguard.exceptions import TuneGuardError
from tuneguard.history import Role, RunHistory, Series
from tuneguard.history.roles import HIGHER_IS_BETTER, normalise

_LOSSES = (Role.VALIDATION_LOSS, Role.TRAIN_LOSS)


@dataclass(frozen=True, eq=False)
class Measure:
    """One quantity that every run has.

    Attributes:
        name: What it is, such as `validation accuracy`.
        higher_is_better: Its direction.
        before: Its series in each run before the change.
        after: The same after it.
        decides: Whether the verdict rests on it.
    """

    name: str
    higher_is_better: bool
    before: tuple[Series, ...]
    after: tuple[Series, ...]
    decides: bool


def measures_of(
    before: Sequence[RunHistory],
    after: Sequence[RunHistory],
    asked: Mapping[str, bool | None] | None = None,
) -> tuple[Measure, ...]:
    """Find what can be compared.

    The verdict rests on what was asked for; else on the validation loss and the validation
    metrics whose direction is known; where no run was validated, on the training loss.

    Args:
        before: Runs before the change.
        after: Runs after it.
        asked: Name or key of a measure to whether higher is better, `None` where that is known.

    Raises:
        TuneGuardError: What was asked for is not there, or nobody knows its direction.
    """
    if asked:
        return tuple(_asked(name, higher, before, after) for name, higher in asked.items())
    found = list(_validated(before, after))
    training = _series_of_role(Role.TRAIN_LOSS, before, after)
    if training is not None:
        found.append(Measure("training loss", False, *training, decides=not found))
    return tuple(found)


def _validated(before: Sequence[RunHistory], after: Sequence[RunHistory]) -> Iterator[Measure]:
    losses = _series_of_role(Role.VALIDATION_LOSS, before, after)
    if losses is not None:
        yield Measure("validation loss", False, *losses, decides=True)
    for name, higher in _metric_names(before[0]).items():
        keys = [_metric_names_to_keys(history).get(name) for history in (*before, *after)]
        found = _series_of_keys(keys, before, after)
        if found is not None:
            yield Measure(f"validation {name}", higher, *found, decides=True)


def _metric_names(history: RunHistory) -> dict[str, bool]:
    return {one.name: one.higher_is_better for one in history.metrics if one.split == "validation"}


def _metric_names_to_keys(history: RunHistory) -> dict[str, str]:
    return {one.name: one.key for one in history.metrics if one.split == "validation"}


Sides = tuple[tuple[Series, ...], tuple[Series, ...]]


def _series_of_role(
    role: Role, before: Sequence[RunHistory], after: Sequence[RunHistory]
) -> Sides | None:
    return _series_of_keys([one.roles.get(role) for one in (*before, *after)], before, after)


def _series_of_keys(
    keys: Sequence[str | None], before: Sequence[RunHistory], after: Sequence[RunHistory]
) -> Sides | None:
    histories = (*before, *after)
    found = [
        history.series[key]
        for history, key in zip(histories, keys, strict=True)
        if key is not None and key in history.series and len(history.series[key])
    ]
    if len(found) < len(histories):
        return None
    return tuple(found[: len(before)]), tuple(found[len(before) :])


def _asked(
    name: str, higher: bool | None, before: Sequence[RunHistory], after: Sequence[RunHistory]
) -> Measure:
    histories = (*before, *after)
    keys = [_key_of(name, history) for history in histories]
    found = _series_of_keys(keys, before, after)
    if found is None:
        missing = [
            one.identity.name or one.identity.run_id or "a run"
            for one, key in zip(histories, keys, strict=True)
            if key is None
        ]
        there = sorted(set.intersection(*(set(history.series) for history in histories)))
        raise TuneGuardError(
            f"{name!r} is not measured in {', '.join(missing[:3]) or 'a run'}. "
            f"All runs have: {', '.join(there[:20]) or 'nothing in common'}."
        )
    direction = _direction(name, histories) if higher is None else higher
    if direction is None:
        raise TuneGuardError(
            f"Nobody knows whether more of {name!r} is better: say {name}=higher or {name}=lower."
        )
    return Measure(name, direction, *found, decides=True)


def _key_of(name: str, history: RunHistory) -> str | None:
    plain = normalise(name)
    roles = {role.value: history.roles[role] for role in _LOSSES if role in history.roles}
    metrics = {one.name: one.key for one in history.metrics if one.split == "validation"}
    named = {normalise(f"validation {one}"): key for one, key in metrics.items()}
    if name in history.series:
        return name
    return {**metrics, **named, **roles}.get({"val_loss": "validation_loss"}.get(plain, plain))


def _direction(name: str, histories: Sequence[RunHistory]) -> bool | None:
    for history in histories:
        key = _key_of(name, history)
        if key in {history.roles.get(role) for role in _LOSSES}:
            return False
        for metric in history.metrics:
            if metric.key == key:
                return metric.higher_is_better
    return HIGHER_IS_BETTER.get(normalise(name))
