"""Runs of which a later one follows what was prescribed for an earlier one, told by settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tuneguard import keys
from tuneguard.comparison.settings import SEED_NAMES
from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Prescription
from tuneguard.history.roles import normalise
from tuneguard.treatment.remedies import follows, remedy_of
from tuneguard.treatment.settings import SETTINGS, keys_by_setting

_MOST_CHANGES: Final = 3
_CONSEQUENCES: Final = {
    "betas",
    "eps",
    "momentum",
    "nesterov",
    "parameter_count",
    "planned_steps",
}
"""What the recorder finds out, and what follows from the optimizer, the width or the length."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a run was set up. Ids and settings are untrusted text.

    Attributes:
        run_id: The run.
        at: When it began, in milliseconds since 1970.
        settings: Its settings by their usual names, without the seed.
        seed: Its seed, or `None`.
    """

    run_id: str
    at: int
    settings: Mapping[str, str]
    seed: str | None

    @classmethod
    def of(cls, run_id: str, at: int, params: Mapping[str, str]) -> Setup:
        """Read a run's params.

        Of what the recorder found out, only that counts which nobody logged, and which is not a
        consequence of something else.

        Args:
            run_id: The run.
            at: When it began, in milliseconds since 1970.
            params: As they are.
        """
        logged = {key: one for key, one in params.items() if not key.startswith(keys.PREFIX)}
        seen = {
            key.removeprefix(keys.PREFIX): one
            for key, one in params.items()
            if key.startswith(keys.PREFIX)
        }
        facts = {key: one for key, one in seen.items() if key not in _CONSEQUENCES}
        seeds = [key for key in logged if normalise(key) in SEED_NAMES]
        settings = _by_usual_name(facts) | _by_usual_name(logged)
        for key in seeds:
            del settings[key]
        return cls(run_id, at, settings, logged[seeds[0]] if seeds else None)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs of which the later one follows a prescription for the earlier one.

    Attributes:
        before: Id of the run that it was prescribed for.
        after: Id of the run that follows it.
        at: When that began, in milliseconds since 1970.
        rule: The finding.
        remedy: The change, as `remedy_of` names it.
    """

    before: str
    after: str
    at: int
    rule: str
    remedy: str


class Setups:
    """The set-ups of many runs, compared as whole columns.

    Args:
        setups: One a run; in any order.
    """

    def __init__(self, setups: Sequence[Setup]) -> None:
        self._setups = sorted(setups, key=lambda one: one.at)
        self._place = {one.run_id: place for place, one in enumerate(self._setups)}
        names = {name for one in setups for name in one.settings}
        self._names = sorted(names)
        self._codes = _codes(self._setups, self._names)
        self._treatable = np.array([name in SETTINGS for name in self._names], dtype=bool)

    def has_candidates(self, run_id: str) -> bool:
        """Whether a later run differs in so few settings that it may follow a prescription."""
        differs = self._later_differences(run_id)
        others = differs[:, ~self._treatable].any(axis=1)
        count = differs.sum(axis=1)
        return bool(np.any(~others & (count >= 1) & (count <= _MOST_CHANGES)))

    def followers(self, run_id: str, prescription: Prescription) -> Iterator[Setup]:
        """Yield the later runs that changed what was prescribed, and nothing else."""
        changed = {one.parameter for one in prescription.changes}
        may_differ = np.array([name in changed for name in self._names], dtype=bool)
        differs = self._later_differences(run_id)
        place = self._place[run_id]
        candidates = ~differs[:, ~may_differ].any(axis=1) & differs.any(axis=1)
        for offset in np.flatnonzero(candidates):
            later = self._setups[place + 1 + int(offset)]
            if follows(prescription, self._setups[place].settings, later.settings):
                yield later

    def seed_of(self, run_id: str) -> str | None:
        """Return the seed of a run, or `None`."""
        return self._setups[self._place[run_id]].seed

    def began(self, run_id: str) -> int:
        """Return when a run began, in milliseconds since 1970."""
        return self._setups[self._place[run_id]].at

    def _later_differences(self, run_id: str) -> NDArray[np.bool_]:
        place = self._place[run_id]
        differs: NDArray[np.bool_] = self._codes[place + 1 :] != self._codes[place]
        return differs


def pairs_of(setups: Setups, diagnoses: Mapping[str, Diagnosis]) -> list[Pair]:
    """Match each later run with one earlier run for each prescription that it follows.

    A later run counts once for a finding and a change: against the run with its own seed where
    there is one, else against the last one before it.

    Args:
        setups: How all runs were set up.
        diagnoses: What was found, by the id of the run.

    Returns:
        The pairs, those with the newest runs first.
    """
    best: dict[tuple[str, str, str], tuple[tuple[bool, int], Pair]] = {}
    for before, diagnosis in diagnoses.items():
        for rule, one in _prescribed(diagnosis):
            for after in setups.followers(before, one):
                same_seed = after.seed is not None and after.seed == setups.seed_of(before)
                rank = (same_seed, setups.began(before))
                pair = Pair(before, after.run_id, after.at, rule, remedy_of(one))
                key = (after.run_id, rule, pair.remedy)
                if key not in best or rank > best[key][0]:
                    best[key] = (rank, pair)
    return sorted((pair for _, pair in best.values()), key=lambda one: -one.at)


def _prescribed(diagnosis: Diagnosis) -> Iterator[tuple[str, Prescription]]:
    for finding in diagnosis.all_findings():
        for one in finding.prescriptions:
            if one.changes:
                yield finding.rule, one


def _by_usual_name(params: Mapping[str, str]) -> dict[str, str]:
    """Return settings by their usual names, and other params by their own."""
    named = {key: name for name, key in keys_by_setting(params).items()}
    return {named.get(key, key): value for key, value in params.items()}


def _codes(setups: Sequence[Setup], names: Sequence[str]) -> NDArray[np.int64]:
    """Return one number for each run and setting; equal where the settings mean the same."""
    codes = np.zeros((len(setups), len(names)), dtype=np.int64)
    for column, name in enumerate(names):
        known: dict[object, int] = {}
        for row, one in enumerate(setups):
            codes[row, column] = known.setdefault(_meaning(one.settings.get(name)), len(known))
    return codes


def _meaning(text: str | None) -> object:
    try:
        return None if text is None else float(text)
    except ValueError:
        return str(text).lower()
