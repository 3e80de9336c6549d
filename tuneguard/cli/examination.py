"""From targets to diagnoses, and from diagnoses to reviews."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuneguard.cli.exit_codes import ExitCode
from tuneguard.cli.file_import import import_file, read_file
from tuneguard.cli.links import say_run_pages
from tuneguard.cli.options import severities_from
from tuneguard.cli.past_runs import InView, PastRuns
from tuneguard.cli.settings import Settings
from tuneguard.cli.terminal import say
from tuneguard.exceptions import TuneGuardError

if TYPE_CHECKING:
    from tuneguard.diagnosis import Diagnosis
    from tuneguard.history import RunHistory

_RUN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Request:
    """What `diagnose` was asked for, option by option."""

    targets: tuple[str, ...]
    output_format: str
    output: Path | None
    settings: Settings
    fail_on: str
    tracking_uri: str | None
    no_write: bool
    no_traces: bool
    force: bool
    verbose: bool
    to_mlflow: str | None = None
    evidence_from: str | None = None
    baseline: str | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of one target: a diagnosis, or the error that was in its way.

    Attributes:
        target: What was asked about.
        diagnosis: What was found.
        error: Why there is no diagnosis.
        is_selection: Whether only some rules were asked, which cannot show that a run is healthy.
        in_view: The diagnosis beside what past runs say, where that was asked for.
    """

    target: str
    diagnosis: Diagnosis | None = None
    error: str = ""
    is_selection: bool = False
    in_view: InView | None = None

    @property
    def shown(self) -> Diagnosis | None:
        """The diagnosis as it is printed."""
        return self.in_view.diagnosis if self.in_view else self.diagnosis

    @property
    def is_undecided(self) -> bool:
        """Whether what was asked could not be answered."""
        if self.diagnosis is None:
            return True
        all_passed = bool(self.diagnosis.passed) and not self.diagnosis.abstained
        return self.diagnosis.verdict == "inconclusive" and not (self.is_selection and all_passed)

    def exit_code(self, fail_on: str) -> ExitCode:
        """Return the exit code that this target alone would have."""
        diagnosis = self.diagnosis
        if diagnosis is None or self.is_undecided:
            return ExitCode.COULD_NOT_TELL
        severities = {str(finding.severity) for finding in diagnosis.all_findings()}
        if severities.intersection(severities_from(fail_on)):
            return ExitCode.FOUND
        return ExitCode.COULD_NOT_TELL if diagnosis.broken else ExitCode.NOTHING_FOUND


def examine(request: Request, examined: list[Examined]) -> Iterator[Examined]:
    """Diagnose target after target; each result is also appended to `examined`."""
    if request.to_mlflow is not None or not all(map(is_file, request.targets)):
        say_tracking_uri(request.tracking_uri)
    past = PastRuns(request.evidence_from, request.baseline, request.tracking_uri)
    for target in request.targets:
        one = _examined(target, request, past)
        examined.append(one)
        yield one


def is_file(target: str) -> bool:
    """Whether `target` means a file and not the id of a run."""
    if _RUN_ID.fullmatch(target):
        return False
    path = Path(target)
    return path.exists() or bool(path.suffix) or len(path.parts) > 1


def load_history(target: str, tracking_uri: str | None, roles: Mapping[str, str]) -> RunHistory:
    """Read the history that `target` means: a run, or a file.

    Raises:
        TuneGuardError: It cannot be read.
    """
    if is_file(target):
        return read_file(Path(target), roles)
    from tuneguard.storage.reader import load_run

    return load_run(target, tracking_uri, roles=roles)


def say_tracking_uri(tracking_uri: str | None) -> None:
    """Say which tracking store is in use."""
    from tuneguard.storage.health import tracking_uri_in_use

    say(f"Tracking URI: {tracking_uri_in_use(tracking_uri)}")


def write_reviews(examined: list[Examined], request: Request) -> bool:
    """Write the review of each diagnosed run into MLflow; return whether all were written."""
    runs = [one for one in examined if one.diagnosis and one.diagnosis.identity.run_id]
    written = [_is_reviewed(one, request) for one in runs]
    return all(written)


def _examined(target: str, request: Request, past: PastRuns) -> Examined:
    from tuneguard.diagnosis import diagnose

    try:
        history = _history_of(target, request)
        diagnosis = diagnose(history, request.settings.rules)
    except TuneGuardError as error:
        say(f"Error: {error}")
        return Examined(target, error=str(error))
    if request.no_write:
        say_run_pages([history])
    in_view = past.in_view(diagnosis, history)
    one = Examined(target, diagnosis, is_selection=request.settings.is_selection, in_view=in_view)
    if one.is_undecided:
        say(f"{target}: inconclusive. {_advice(diagnosis)}")
    return one


def _history_of(target: str, request: Request) -> RunHistory:
    roles = request.settings.roles
    if request.to_mlflow is not None:
        return import_file(Path(target), roles, request.to_mlflow, request.tracking_uri)
    return load_history(target, request.tracking_uri, roles)


def _advice(diagnosis: Diagnosis) -> str:
    needs = list(dict.fromkeys(one.needs.rstrip(".") for one in diagnosis.abstained if one.needs))
    if needs:
        return f"{'; '.join(needs[:3])}."
    reasons = list(dict.fromkeys(one.reason.rstrip(".") for one in diagnosis.abstained))
    return f"{'; '.join(reasons[:3]) or 'No rule could judge it'}. --verbose says more."


def _is_reviewed(one: Examined, request: Request) -> bool:
    from tuneguard.reviewing import publish_review

    assert one.diagnosis is not None  # noqa: S101 - for the type checker
    try:
        review = publish_review(
            one.diagnosis,
            tracking_uri=request.tracking_uri,
            force=request.force,
            traces=not request.no_traces,
        )
    except TuneGuardError as error:
        say(f"Error: the review of {one.target} was not written: {error}")
        return False
    what = "written" if review.was_written else "unchanged since the last diagnosis"
    say(f"Review of {one.target} {what}: {review.url}")
    if review.findings_url and review.keeps_traces:
        say(f"Say whether its findings are right: {review.findings_url}")
    elif not review.keeps_traces:
        say("The store keeps no traces: the findings are in the run's description and artifacts.")
    return True
