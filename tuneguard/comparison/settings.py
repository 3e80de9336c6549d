"""What differs between runs in their settings, and which run belongs to which by its seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuneguard import keys
from tuneguard.comparison.result import Change
from tuneguard.history import RunHistory
from tuneguard.history.roles import normalise

SEED_NAMES = ("seed", "random_seed", "manual_seed", "torch_seed", "random_state", "rng_seed")


def seed_of(history: RunHistory) -> str | None:
    """Return the seed that a run's params name, or `None`."""
    named = {normalise(key.removeprefix(keys.PREFIX)): key for key in history.params}
    found = next((named[name] for name in SEED_NAMES if name in named), None)
    return None if found is None else history.params[found]


def pairs_by_seed(
    before: Sequence[RunHistory], after: Sequence[RunHistory]
) -> list[tuple[int, int]] | None:
    """Match the runs of two sides by their seeds.

    Returns:
        Indices of the partners, or `None` where the sides do not have the same seeds, each once.
    """
    first, second = [seed_of(one) for one in before], [seed_of(one) for one in after]
    is_known = None not in first and None not in second
    is_same = set(first) == set(second) and len(set(first)) == len(first) == len(second)
    if not (is_known and is_same):
        return None
    return [(position, second.index(seed)) for position, seed in enumerate(first)]


def settings_changed(
    before: Sequence[RunHistory], after: Sequence[RunHistory]
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Compare the hyper-parameters of two sides; seeds are none.

    Aliases of one setting, such as `lr` and `tuneguard/learning_rate`, are one, and numbers are
    compared as numbers.

    Returns:
        The settings that have one value on each side, and another on the other side; and the
        names of those that differ among the runs of a side.
    """
    first, second = [_settings(one) for one in before], [_settings(one) for one in after]
    names = sorted({name for settings in (*first, *second) for name in settings})
    changes, varied = [], []
    for name in names:
        old, new = _values(first, name), _values(second, name)
        if len(old) > 1 or len(new) > 1:
            varied.append(name)
        elif set(old) != set(new):
            changes.append(Change(name, next(iter(old.values())), next(iter(new.values()))))
    return tuple(changes), tuple(varied)


def _settings(history: RunHistory) -> dict[str, str]:
    """Return the settings by the name that a table of aliases gives them, else by their own."""
    known = {key: name for name, key in history.hyperparameters.names.items()}
    settings = {known[key]: history.params[key] for key in known}
    aliases = {normalise(name) for name in known.values()}
    for key, value in history.params.items():
        plain = key.removeprefix(keys.PREFIX)
        if key not in known and normalise(plain) not in {*SEED_NAMES, *aliases}:
            settings.setdefault(plain, value)
    return settings


def _values(side: Sequence[Mapping[str, str]], name: str) -> dict[object, str | None]:
    """Return the values that a setting has among runs, once each, by what they mean."""
    return {_meaning(one.get(name)): one.get(name) for one in side}


def _meaning(text: str | None) -> object:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
