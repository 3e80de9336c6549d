"""Every repair that is tried, trained once and kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.error_rates.cache import Cache, default_folder, read
from benchmarks.error_rates.plan import RunSpec, setup_of
from benchmarks.error_rates.recipes import recipe_digest
from benchmarks.error_rates.runner import WORKERS, side_by_side
from benchmarks.error_rates.source_digests import code_digest, digest_of
from benchmarks.error_rates.views import recorded
from benchmarks.repair_rates.rebuilding import rebuilt
from benchmarks.repair_rates.retraining import Retrained, retrained
from benchmarks.repair_rates.strategies import Changes, repairs
from tuneguard import diagnose

_HERE = Path(__file__).parent
TRAINED_BY = ("rebuilding.py", "rates.py", "samples.py", "weights.py", "retraining.py")
"""Files that decide what a repaired training ends at."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One repair of one training.

    Attributes:
        spec: The faulty training.
        changes: What is changed of it.
    """

    spec: RunSpec
    changes: Changes

    @property
    def key(self) -> str:
        """A hash of all that its outcome follows from."""
        told = [asdict(one) for one in self.changes]
        return digest_of(
            f"{recipe_digest(self.spec)} {told} {code_digest(_HERE / name for name in TRAINED_BY)}"
        )

    def outcome(self) -> Retrained:
        """Train."""
        setup = rebuilt(setup_of(self.spec), self.changes)
        assert setup is not None
        keeps_best = any(one.parameter == "patience" for one in self.changes)
        return retrained(setup, self.spec.seed, keeps_best=keeps_best)


def planned(
    specs: Iterable[RunSpec], cache: Cache
) -> dict[RunSpec, dict[str, tuple[Changes, ...]]]:
    """Return what is tried on each training, by strategy; those that are not kept are left out."""
    found = {spec: cache.find(spec) for spec in specs}
    tasks = [path for path in found.values() if path is not None]
    return dict(side_by_side(_plan, tasks, "diagnosed"))


def outcomes(trials: Sequence[Trial], workers: int = WORKERS) -> dict[Trial, Retrained]:
    """Train what was not trained before, and return what all of them ended at.

    What is trained is kept at once: an interrupted call goes on where it was.
    """
    path = default_folder() / "repairs.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = _kept(path)
    missing = [one for one in dict.fromkeys(trials) if one.key not in kept]
    missing.sort(key=lambda one: one.key)
    with path.open("a", encoding="utf-8") as file:
        for key, found in side_by_side(_train, missing, "retrained", workers):
            file.write(json.dumps([key, asdict(found)]) + "\n")
            file.flush()
            kept[key] = found
    return {one: kept[one.key] for one in trials}


def _plan(path: Path) -> tuple[RunSpec, dict[str, tuple[Changes, ...]]]:
    kept = read(path)
    history = recorded(kept)
    return kept.spec, repairs(kept.spec, diagnose(history, pictures=False), history)


def _train(trial: Trial) -> tuple[str, Retrained]:
    try:
        return trial.key, trial.outcome()
    except Exception as error:
        raise RuntimeError(f"{trial} could not be trained") from error


def _kept(path: Path) -> dict[str, Retrained]:
    found = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        try:
            key, document = json.loads(line)
        except ValueError:
            # a line that was half written when somebody pressed Ctrl-C
            continue
        found[key] = Retrained(**document)
    return found
