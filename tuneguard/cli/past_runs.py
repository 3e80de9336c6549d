"""What past runs are asked: which prescriptions helped, and what is usual for good runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneguard.cli.progress import progress_bar

if TYPE_CHECKING:
    from tuneguard.diagnosis import Diagnosis
    from tuneguard.evidence import PastEvidence
    from tuneguard.good_runs import BesideGoodRuns
    from tuneguard.history import RunHistory

_RUN_IDS = re.compile(r"[0-9a-f]{32}(,[0-9a-f]{32})*")
_LAST_GOOD_RUNS = 10


def evidence_of(
    experiment: str,
    tracking_uri: str | None,
    most_diagnoses: int | None = None,
    most_comparisons: int | None = None,
) -> PastEvidence:
    """Read what the runs of an experiment say of prescriptions, with a bar of progress.

    Raises:
        ExperimentNotFoundError: There is no such experiment.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    from tuneguard.past_runs import MOST_COMPARISONS, MOST_DIAGNOSES, read_evidence

    with progress_bar() as bar:
        tasks = {
            what: bar.add_task(f"{what} runs", total=None)
            for what in ("listing", "reading", "comparing")
        }
        return read_evidence(
            experiment,
            tracking_uri,
            most_diagnoses=most_diagnoses or MOST_DIAGNOSES,
            most_comparisons=most_comparisons or MOST_COMPARISONS,
            progress=lambda what, count: bar.advance(tasks[what], count),
        )


@dataclass(frozen=True, slots=True)
class InView:
    """A diagnosis as it is shown in view of past runs; what is written of it stays as it was.

    Attributes:
        diagnosis: With its prescriptions in the order that past runs speak for.
        beside: The run beside good ones; `None` where nobody asked.
        whose: Where those come from.
    """

    diagnosis: Diagnosis
    beside: BesideGoodRuns | None = None
    whose: str = ""


class PastRuns:
    """What `--evidence-from` and `--baseline` name, read once for all targets.

    Args:
        evidence_from: Name of an experiment, or `None`.
        baseline: Name of an experiment, or ids of runs separated by commas, or `None`.
        tracking_uri: Where they are kept; MLflow's own choice where not given.

    Raises:
        TuneGuardError: They cannot be read.
    """

    def __init__(
        self, evidence_from: str | None, baseline: str | None, tracking_uri: str | None
    ) -> None:
        self._evidence = evidence_of(evidence_from, tracking_uri) if evidence_from else None
        self._is_chosen = baseline is not None and _RUN_IDS.fullmatch(baseline) is not None
        self._whose = "your choice" if self._is_chosen else baseline or ""
        self._good = self._read(baseline, tracking_uri) if baseline else None

    def in_view(self, diagnosis: Diagnosis, history: RunHistory) -> InView:
        """Put a diagnosis beside what past runs say."""
        from tuneguard.evidence import ranked
        from tuneguard.good_runs import beside_good_runs

        shown = diagnosis if self._evidence is None else ranked(diagnosis, self._evidence)
        if self._good is None:
            return InView(shown)
        run_id = history.identity.run_id
        others = [one for one in self._good if run_id is None or one.identity.run_id != run_id]
        good = others if self._is_chosen else others[:_LAST_GOOD_RUNS]
        return InView(shown, beside_good_runs(history, good), self._whose)

    def _read(self, baseline: str, tracking_uri: str | None) -> list[RunHistory]:
        from tuneguard.storage.past_runs import last_healthy_runs, runs_named

        if self._is_chosen:
            return runs_named(baseline.split(","), tracking_uri)
        # one more than are wanted, because the run itself may be among them
        return last_healthy_runs(baseline, _LAST_GOOD_RUNS + 1, tracking_uri)
