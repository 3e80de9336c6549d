"""What was trained: kept at once in a cache, and committed when all of it is there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna

from benchmarks.cost.results import conditions
from benchmarks.error_rates.judges import rules_digest
from benchmarks.error_rates.source_digests import ROOT, code_digest, digest_of
from benchmarks.pruning.training import Trained
from tuneguard.doom import Doom

HERE = Path(__file__).parent
_CACHE = HERE / ".cache"
_ROWS = HERE / "results" / "trials.jsonl"
_STAMP = HERE / "results" / "stamp.json"
_DIGITS = 6


def measured_with() -> dict[str, str]:
    """Return hashes of all that the committed trials follow from."""
    trained = [HERE / "search.py", HERE / "training.py", ROOT / "tuneguard" / "doom.py"]
    return {"trials": code_digest(trained), "rules": rules_digest()}


def changed_since(stamp: Mapping[str, Any]) -> list[str]:
    """Return what of `measured_with` is no longer as it was."""
    return [name for name, now in measured_with().items() if stamp.get(name) != now]


def keep(trained: Trained) -> None:
    """Put a trial into the cache."""
    path = _place(trained.repeat, trained.number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_line(trained), encoding="utf-8")


def find(repeat: int, number: int) -> Trained | None:
    """Return a trial from the cache, if it was trained already."""
    path = _place(repeat, number)
    return _read(path.read_text(encoding="utf-8")) if path.exists() else None


def save(trials: Iterable[Trained]) -> None:
    """Keep all trials, and with what, where and when they were trained."""
    _ROWS.parent.mkdir(exist_ok=True)
    _ROWS.write_text("".join(f"{_line(one)}\n" for one in trials), encoding="utf-8")
    stamp = {**conditions(), "optuna": optuna.__version__, **measured_with()}
    _STAMP.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def load() -> tuple[list[Trained], dict[str, Any]]:
    """Return the committed trials and their stamp."""
    lines = _ROWS.read_text(encoding="utf-8").splitlines()
    return [_read(line) for line in lines], json.loads(_STAMP.read_text(encoding="utf-8"))


def _place(repeat: int, number: int) -> Path:
    return _CACHE / digest_of(repr(measured_with())) / f"{repeat}-{number}.json"


def _line(trained: Trained) -> str:
    return json.dumps(_rounded(asdict(trained)))


def _read(line: str) -> Trained:
    found = json.loads(line)
    doom = found.pop("doom")
    series = {name: tuple(found.pop(name)) for name in ("steps", "losses", "accuracies")}
    return Trained(**found, **series, doom=doom and Doom.read(doom))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
