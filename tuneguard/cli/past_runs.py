"""What past runs are asked: which prescriptions helped, and what is usual for good runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneguard.cli.progress import progress_bar

if TYPE_CHECKING:
    from tuneguard.evidence import PastEvidence
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


class GoodRuns:
    """The good runs that `--baseline` names, read once for all targets.

    Args:
        baseline: Name of an experiment, or ids of runs separated by commas.
        tracking_uri: Where they are kept; MLflow's own choice where not given.
    """

    def __init__(self, baseline: str, tracking_uri: str | None) -> None:
        self.whose = baseline if not _RUN_IDS.fullmatch(baseline) else "your choice"
        self._baseline = baseline
        self._uri = tracking_uri
        self._read: list[RunHistory] | None = None

    def beside(self, run_id: str | None) -> list[RunHistory]:
        """Return the good runs but for this one.

        Raises:
            TuneGuardError: They cannot be read.
        """
        if self._read is None:
            self._read = self._histories()
        others = [one for one in self._read if one.identity.run_id != run_id]
        return others[:_LAST_GOOD_RUNS] if self.whose == self._baseline else others

    def _histories(self) -> list[RunHistory]:
        from tuneguard.storage.past_runs import last_healthy_runs, runs_named

        if self.whose == self._baseline:
            # one more than are wanted, because the run itself may be among them
            return last_healthy_runs(self._baseline, _LAST_GOOD_RUNS + 1, self._uri)
        return runs_named(self._baseline.split(","), self._uri)
