"""What past runs of an experiment teach, read from MLflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from tuneguard import keys
from tuneguard.comparison import Comparison, compare
from tuneguard.diagnosis import Diagnosis, diagnose
from tuneguard.evidence.outcomes import TreatedRun, outcome_of, tried_by_treatments
from tuneguard.evidence.pairing import Pair, Setup, Setups, pairs_of
from tuneguard.evidence.trials import Looked, PastEvidence, Tried, records_of
from tuneguard.exceptions import DiagnosisFormatError, StoreUnreachableError, TuneGuardError
from tuneguard.feedback import TracedFinding, records_by_rule
from tuneguard.reports.document_reader import from_json
from tuneguard.storage.past_runs import PastRuns, parent_of
from tuneguard.storage.verdicts import read_experiment_verdicts

MOST_DIAGNOSES: Final = 300
MOST_COMPARISONS: Final = 100

Progress = Callable[[str, int], object]
"""Told what is done, and how much more of it is."""


def read_evidence(
    experiment: str,
    tracking_uri: str | None = None,
    *,
    most_diagnoses: int = MOST_DIAGNOSES,
    most_comparisons: int = MOST_COMPARISONS,
    progress: Progress = lambda _what, _count: None,
) -> PastEvidence:
    """Count how often each prescription helped in the runs of an experiment.

    Counted are the attempts of treatments, and pairs of runs of which the later one changed just
    what was prescribed for the earlier one. Diagnoses are read where they are kept, the newest
    first; only pairs that follow a prescription are compared. Nothing is written.

    Args:
        experiment: Its name, or its id.
        tracking_uri: Where it is kept; MLflow's own choice where not given.
        most_diagnoses: How many diagnoses to read at most.
        most_comparisons: How many pairs of runs to compare at most, the newest first.
        progress: Told `listing`, `reading` or `comparing`, and how many more are done.

    Returns:
        Counts by finding and change, and what they rest on.

    Raises:
        ExperimentNotFoundError: There is no such experiment.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    past = PastRuns(experiment, tracking_uri, lambda count: progress("listing", count))
    treated = _treated(past)
    trials = tried_by_treatments(treated)
    findings, notes = _judged_by_people(experiment, tracking_uri)
    search = _Search(past, findings, progress)
    trials += search.tried(most_diagnoses, most_comparisons)
    looked = replace(search.looked, runs=len(past.runs), treatments=len(treated))
    return PastEvidence(
        experiment, records_of(trials), records_by_rule(findings), looked, tuple(notes)
    )


@dataclass
class _Search:
    """Finds pairs of runs that follow a prescription, and compares them."""

    past: PastRuns
    findings: Sequence[TracedFinding]
    progress: Progress
    looked: Looked = field(default_factory=Looked)

    def tried(self, most_diagnoses: int, most_comparisons: int) -> list[Tried]:
        """Return what came of each pair that was compared."""
        ended = [one for one in self.past.runs if _is_own_run(one.data.tags, one.info.status)]
        setups = Setups(
            [Setup.of(one.info.run_id, one.info.start_time or 0, one.data.params) for one in ended]
        )
        wanted = [
            one.info.run_id
            for one in ended
            if one.data.tags.get(keys.TAG_FINDINGS, "none") != "none"
            and setups.has_candidates(one.info.run_id)
        ]
        diagnoses = dict(self._diagnoses(wanted[:most_diagnoses]))
        pairs = pairs_of(setups, diagnoses)
        refuted = {(one.run_id, one.rule) for one in self.findings if one.outcome == "false alarm"}
        kept = [one for one in pairs if (one.before, one.rule) not in refuted]
        self.looked = replace(
            self.looked,
            undiagnosed=sum(keys.TAG_VERDICT not in one.data.tags for one in ended),
            diagnoses=len(diagnoses),
            undone=max(0, len(wanted) - most_diagnoses),
            pairs=len(pairs),
            left_out=len(pairs) - len(kept),
        )
        return list(self._compared(kept[:most_comparisons]))

    def _diagnoses(self, run_ids: Sequence[str]) -> Iterator[tuple[str, Diagnosis]]:
        for run_id in run_ids:
            try:
                yield run_id, self._diagnosis(run_id)
            except TuneGuardError:
                self._count_unreadable()
            self.progress("reading", 1)

    def _diagnosis(self, run_id: str) -> Diagnosis:
        """Read the diagnosis of a run; it is made again where only tags are kept."""
        kept = _as_diagnosis(self.past.document(run_id))
        if kept is not None and kept.identity.run_id == run_id:
            return kept
        return diagnose(self.past.history(run_id), pictures=False)

    def _compared(self, pairs: Sequence[Pair]) -> Iterator[Tried]:
        """Compare two runs once, whatever number of prescriptions the later one follows."""
        by_runs = sorted(pairs, key=lambda one: (one.before, one.after))
        for (before, after), alike in groupby(by_runs, lambda one: (one.before, one.after)):
            followed = list(alike)
            comparison = self._comparison(before, after)
            if comparison is not None:
                self.looked = replace(self.looked, compared=self.looked.compared + len(followed))
                for pair in followed:
                    outcome = outcome_of(comparison, pair.rule)
                    yield Tried(pair.rule, pair.remedy, outcome, after, pair.at, "pair")
            self.progress("comparing", len(followed))

    def _comparison(self, before: str, after: str) -> Comparison | None:
        try:
            return compare(self.past.history(before), self.past.history(after))
        except TuneGuardError:
            self._count_unreadable()
            return None

    def _count_unreadable(self) -> None:
        self.looked = replace(self.looked, unreadable=self.looked.unreadable + 1)


def _as_diagnosis(document: bytes | None) -> Diagnosis | None:
    """Return what a file holds; `None` where that is no diagnosis, or of another version."""
    try:
        return None if document is None else from_json(document)
    except DiagnosisFormatError:
        return None


def _treated(past: PastRuns) -> list[TreatedRun]:
    return [
        TreatedRun(
            one.info.run_id,
            parent_of(one),
            one.info.start_time or 0,
            one.info.status,
            one.data.tags,
        )
        for one in past.runs
        if keys.TAG_TREATED_RULE in one.data.tags
    ]


def _judged_by_people(
    experiment: str, tracking_uri: str | None
) -> tuple[Sequence[TracedFinding], list[str]]:
    """Return the findings that people can judge; a store without traces has none."""
    try:
        return read_experiment_verdicts(experiment, tracking_uri), []
    except StoreUnreachableError as error:
        return (), [f"What people say of findings could not be read: {error}"]


def _is_own_run(tags: Mapping[str, str], status: str) -> bool:
    """Whether a run has ended and belongs to no treatment, which counts its attempts itself."""
    is_treatment = keys.TAG_TREATMENT in tags or keys.TAG_TRIAL in tags
    return status not in {"RUNNING", "SCHEDULED"} and not is_treatment
