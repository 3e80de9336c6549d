"""Train, diagnose, apply what is prescribed, train again, and keep what helps."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tuneguard import keys
from tuneguard.diagnosis import diagnose
from tuneguard.evidence import PastEvidence, ranked
from tuneguard.exceptions import TuneGuardError
from tuneguard.history import RunHistory
from tuneguard.past_runs import read_evidence
from tuneguard.reports.treatment.description import render_description
from tuneguard.reports.treatment.document import attempts_table, to_json
from tuneguard.reports.treatment.html import render_html
from tuneguard.reports.treatment.picture import draw_attempts
from tuneguard.reviewing import publish_review
from tuneguard.rule import Rule
from tuneguard.storage.reader import load_run
from tuneguard.storage.review import Review
from tuneguard.storage.treatment_runs import TreatmentRuns
from tuneguard.treatment import Attempt, Budget, Course, Treatment, Trial
from tuneguard.treatment.course import Plan
from tuneguard.treatment.settings import Settings
from tuneguard.version import __version__

TrainingFunction = Callable[[dict[str, Any]], object]

_TABLE = f"{keys.ARTIFACTS}/attempts_table.json"
_PICTURE = f"{keys.ARTIFACTS}/attempts.svg"
_MAX_TAG = 4000


def treat(  # noqa: PLR0913 - what to train, and by keyword how to go about it
    train: TrainingFunction,
    params: Mapping[str, Any],
    *,
    seeds: Sequence[Any] | None = None,
    seed_name: str = "seed",
    names: Mapping[str, str] | None = None,
    max_trainings: int = 8,
    max_seconds: float | None = None,
    measures: Mapping[str, bool | None] | None = None,
    rules: Iterable[Rule | type[Rule]] | None = None,
    name: str | None = None,
    experiment: str | None = None,
    tracking_uri: str | None = None,
    fresh: bool = False,
    evidence: PastEvidence | str | None = None,
    on_attempt: Callable[[Treatment], object] | None = None,
) -> Treatment:
    """Train until nothing is wrong, changing one thing at a time as it is prescribed.

    The first training takes `params` as they are. Its run is diagnosed; the first prescription
    that the parameters can express is applied, and the same seeds are trained again. What is
    better is kept, and what is no worse with fewer alarms; all else is reverted, and the next
    prescription is tried. Each training is a child run in MLflow with its diagnosis. Nothing but
    the parameters is changed.

    A treatment that was interrupted, or killed, goes on when it is called again with the same
    function, parameters and seeds: trainings that came to their end are not repeated, if they
    recorded into their run.

    Args:
        train: Trains from a dictionary of parameters and records into the run that is open, with
            `TuneGuardCallback` or otherwise. It may return a `RunHistory`, or the id of a run, in
            place of that.
        params: What it takes first.
        seeds: Values of the seed's parameter, to train each attempt several times and compare in
            pairs; by default each attempt is trained once, with the seed in `params` if any.
        seed_name: Name of the seed's parameter.
        names: Setting (`learning_rate`, ...) to the name of its parameter, where that does not
            tell.
        max_trainings: How often to train in all; each seed counts.
        max_seconds: No training begins after so long.
        measures: What to judge by, as `tuneguard.compare` takes it.
        rules: Rules to diagnose by; all that tuneguard has, by default.
        name: Name of the parent run.
        experiment: Name of the experiment; MLflow's own choice where not given.
        tracking_uri: The store; MLflow's own choice where not given.
        fresh: Whether to begin anew where an unfinished treatment could go on.
        evidence: What past runs say of prescriptions, which are then tried in that order:
            returned by `tuneguard.read_evidence`, or the name of an experiment to read it from.
        on_attempt: Called with the treatment as it stands, after each attempt.

    Returns:
        All attempts, and which was kept.

    Raises:
        TuneGuardError: The first training failed or recorded nothing, a name in `names` is
            unknown, or there is no room for a single training.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    settings = Settings(params, names)
    budget = Budget(max_trainings, max_seconds)
    chosen = tuple(seeds) if seeds is not None else (params.get(seed_name),)
    if not chosen:
        raise TuneGuardError("There is no seed to train with: give at least one, or none at all.")
    past = read_evidence(evidence, tracking_uri) if isinstance(evidence, str) else evidence
    title = name or f"treatment of {_name_of(train)}"
    identity = _hash([_name_of(train), params, chosen, names])
    runs = TreatmentRuns.open(
        identity, title, experiment=experiment, tracking_uri=tracking_uri, fresh=fresh
    )
    asked = None if rules is None else tuple(rules)
    told = _Told(runs, title, on_attempt)
    course = Course(
        _Trainer(train, runs, seed_name, tracking_uri, asked, past),
        params,
        settings,
        seeds=chosen,
        budget=budget,
        measures=measures,
        on_attempt=told,
    )
    return _followed(course, runs, told)


def _followed(course: Course, runs: TreatmentRuns, told: _Told) -> Treatment:
    """Run a course to its end, and end the parent with what became of it."""
    status = "FAILED"
    try:
        treatment = replace(course.run(), parent_id=runs.parent_id)
        told.publish(treatment)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        runs.end(status)
    return treatment


@dataclass(frozen=True, eq=False)
class _Trainer:
    """Trains in a child run, or takes the one that an earlier process brought to its end."""

    train: TrainingFunction
    runs: TreatmentRuns
    seed_name: str
    uri: str | None
    rules: tuple[Rule | type[Rule], ...] | None
    evidence: PastEvidence | None

    def __call__(self, plan: Plan, seed: object) -> Trial:
        params = dict(plan.params)
        if seed is not None:
            params[self.seed_name] = seed
        key = _hash(params)
        resumed = self._resumed(key, seed)
        if resumed is not None:
            return resumed
        began = time.monotonic()
        name = f"attempt {plan.number}" + (f", seed {seed}" if seed is not None else "")
        try:
            with self.runs.child(key, name, params) as run_id:
                self.runs.note(run_id, _tags(plan))
                returned = self.train(params)
        except TuneGuardError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the training raises is its outcome
            text = f"{type(error).__name__}: {error}"
            return Trial(seed, None, None, text, time.monotonic() - began)
        return self._diagnosed(seed, run_id, returned, time.monotonic() - began)

    def _resumed(self, key: str, seed: object) -> Trial | None:
        """Return what an earlier process trained, where its run holds what happened."""
        done = self.runs.finished(key)
        if done is None:
            return None
        history = load_run(done.info.run_id, self.uri)
        took = (done.info.end_time - done.info.start_time) / 1000.0
        return self._diagnosed(seed, done.info.run_id, history, took) if history.series else None

    def _diagnosed(self, seed: object, run_id: str, told: object, seconds: float) -> Trial:
        history = told if isinstance(told, RunHistory) else self._read(run_id, told)
        diagnosis = diagnose(history, self.rules)
        if diagnosis.identity.run_id is not None:
            publish_review(diagnosis, tracking_uri=self.uri)
        if self.evidence is not None:
            diagnosis = ranked(diagnosis, self.evidence)
        return Trial(seed, history, diagnosis, "", seconds, run_id)

    def _read(self, run_id: str, told: object) -> RunHistory:
        history = load_run(told if isinstance(told, str) else run_id, self.uri)
        if not history.series:
            raise TuneGuardError(
                f"The training function recorded nothing in run {run_id}, which was open while it "
                "ran: attach TuneGuardCallback in it, start no run of its own, or return the id "
                "of the run that it recorded."
            )
        return history


class _Told:
    """Writes the treatment into its parent after each attempt, and passes it on."""

    def __init__(
        self,
        runs: TreatmentRuns,
        title: str,
        on_attempt: Callable[[Treatment], object] | None,
    ) -> None:
        self._runs = runs
        self._title = title
        self._on_attempt = on_attempt

    def __call__(self, treatment: Treatment) -> None:
        treatment = replace(treatment, parent_id=self._runs.parent_id)
        last = treatment.attempts[-1]
        for trial in last.trials:
            if trial.run_id is not None:
                self._runs.note(trial.run_id, _outcome(last))
        self.publish(treatment)
        if self._on_attempt is not None:
            self._on_attempt(treatment)

    def publish(self, treatment: Treatment) -> None:
        document = to_json(treatment)
        picture = draw_attempts(treatment)
        artifacts = {
            f"{keys.ARTIFACTS}/treatment.json": document,
            f"{keys.ARTIFACTS}/treatment.html": render_html(treatment, self._title, picture),
            _TABLE: attempts_table(treatment),
        }
        if picture is not None:
            artifacts[_PICTURE] = picture
        self._runs.publish(
            Review(
                fingerprint=_hash([document, __version__]),
                tags={keys.TAG_VERSION: __version__},
                description=render_description(treatment, _PICTURE if picture else None),
                artifacts=artifacts,
                table=_TABLE,
            )
        )


def _tags(plan: Plan) -> dict[str, str]:
    changed = [f"{name}: {old} -> {new}" for name, (old, new) in plan.changed.items()]
    tags = {keys.TAG_CHANGE: "; ".join(changed)[:_MAX_TAG] or "none"}
    if plan.rule:
        tags |= {keys.TAG_TREATED_RULE: plan.rule, keys.TAG_REMEDY: plan.remedy}
    return tags


def _outcome(attempt: Attempt) -> dict[str, str]:
    tags = {keys.TAG_OUTCOME: f"{attempt.standing}: {attempt.reason}"[:_MAX_TAG]}
    if attempt.comparison is not None:
        tags[keys.TAG_COMPARED] = attempt.comparison.verdict
    return tags


def _name_of(train: TrainingFunction) -> str:
    module = getattr(train, "__module__", "")
    name = getattr(train, "__qualname__", type(train).__qualname__)
    return f"{module}.{name}"


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
