"""What became of one target of a pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Finding


@dataclass(frozen=True, slots=True)
class Judged:
    """A target with its diagnosis, or with why there is none.

    Attributes:
        target: The run id or path that was given; untrusted text, as all that a run holds.
        is_file: Whether it is a path.
        diagnosis: What was found, or `None`.
        error: Why nothing could be told, or empty.
    """

    target: str
    is_file: bool
    diagnosis: Diagnosis | None
    error: str = ""

    @property
    def uri(self) -> str:
        """Where the run is: the path as it was given, or MLflow's address of a run.

        >>> Judged("6f1c", False, None).uri
        'runs:/6f1c'
        """
        return self.target.replace("\\", "/") if self.is_file else f"runs:/{self.target}"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Causes and symptoms; none where there is no diagnosis."""
        return self.diagnosis.all_findings() if self.diagnosis is not None else ()


def advice(finding: Finding) -> str:
    """Return what was found and the first change to try, in two sentences."""
    fix = finding.prescriptions[0].action if finding.prescriptions else ""
    return f"{finding.summary} {fix}".strip()
