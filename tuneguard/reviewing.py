"""A diagnosis put where people look at the run: in its tags, its description, its artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tuneguard import keys
from tuneguard.diagnosis import Diagnosis
from tuneguard.exceptions import RunNotFoundError
from tuneguard.findings import Finding
from tuneguard.reports.conversation import Conversation, conversation_of
from tuneguard.reports.description import render_description
from tuneguard.reports.document import to_json
from tuneguard.reports.html import render_html
from tuneguard.reports.markdown import render_markdown
from tuneguard.reports.svg import draw
from tuneguard.reports.table import findings_table
from tuneguard.rule import Rule
from tuneguard.storage.connection import connect, find_run
from tuneguard.storage.fingerprint import review_fingerprint, tags_fingerprint
from tuneguard.storage.reader import FoundRun
from tuneguard.storage.review import (
    Review,
    finding_value,
    has_traces,
    is_written,
    write_review,
    write_tags,
)
from tuneguard.storage.run_page import run_address, run_page
from tuneguard.storage.trace_layout import FindingTrace
from tuneguard.version import __version__

_TABLE = f"{keys.ARTIFACTS}/findings_table.json"


@dataclass(frozen=True, slots=True)
class PublishedReview:
    """Where a review is.

    Attributes:
        was_written: Whether anything was written; the run may already carry this very review.
        url: Address of the run's page, with the command that starts a server where none is known.
        findings_url: Where people give feedback on the findings; empty where there are none, or
            where they are no traces.
        keeps_traces: Whether the store can keep findings as traces, as far as is known.
    """

    was_written: bool
    url: str
    findings_url: str = ""
    keeps_traces: bool = True


def publish_review(
    diagnosis: Diagnosis,
    *,
    tracking_uri: str | None = None,
    force: bool = False,
    traces: bool = True,
) -> PublishedReview:
    """Write the review of a diagnosis into the run that was diagnosed.

    Nothing is written where the run already carries the review of the same state by the same
    rules. The run's status and times stay as they are.

    Args:
        diagnosis: What was found.
        tracking_uri: Where the run is kept; where it was read from, if not given.
        force: Whether to write again what is already there.
        traces: Whether to write each finding as a trace, for people to judge it.

    Raises:
        RunNotFoundError: The diagnosis is not of a run, or the run is gone.
        RunDeletedError: The run is in the trash: it can be read, but not written to.
        StoreUnreachableError: The store does not answer, or refuses.
    """
    identity = diagnosis.identity
    if identity.run_id is None:
        raise RunNotFoundError(
            "This diagnosis is not of a run in MLflow: there is nowhere to write its review."
        )
    client = connect(tracking_uri or _uri_of(diagnosis))
    run = find_run(client, identity.run_id)
    place = (client.tracking_uri, run.info.experiment_id, identity.run_id)
    url = run_page(*place)
    findings_url = run_address(*place, "/traces") if traces and diagnosis.findings else ""
    fingerprint = review_fingerprint(identity.state, diagnosis.rules, __version__)
    if is_written(run, fingerprint) and (has_traces(run) or not traces) and not force:
        keeps_traces = run.data.tags.get(keys.TAG_TRACES) != keys.TRACES_UNSUPPORTED
        return PublishedReview(False, url, findings_url, keeps_traces)
    keeps_traces = write_review(client, run, _review(diagnosis, fingerprint, traces=traces))
    return PublishedReview(True, url, findings_url, keeps_traces)


def publish_tags(diagnosis: Diagnosis, found: FoundRun) -> None:
    """Write only the tags of a review into the run that was diagnosed.

    The next `publish_review` writes the rest, even where nothing has changed since.

    Args:
        diagnosis: What was found.
        found: The run, as it was when it was read.

    Raises:
        StoreUnreachableError: The store does not answer, or refuses.
    """
    fingerprint = review_fingerprint(diagnosis.identity.state, diagnosis.rules, __version__)
    write_tags(found.client, found.run, review_tags(diagnosis), tags_fingerprint(fingerprint))


def is_reviewed(
    found: FoundRun,
    rules: Iterable[Rule],
    roles: Mapping[str, str] | None = None,
    *,
    whole: bool,
    traces: bool = False,
) -> bool:
    """Whether a run already carries the review of its present state by the same rules.

    Args:
        found: The run.
        rules: The rules that would be asked.
        roles: The roles that the user chose.
        whole: Whether the tags alone are not enough.
        traces: Whether a review without traces is not enough.
    """
    settings = [rule.setting for rule in rules]
    fingerprint = review_fingerprint(found.state(roles), settings, __version__)
    if is_written(found.run, fingerprint):
        return has_traces(found.run) or not traces
    return not whole and is_written(found.run, tags_fingerprint(fingerprint))


def review_tags(diagnosis: Diagnosis) -> dict[str, str]:
    """Return the tags that say what was found, without the fingerprint."""
    return {
        keys.TAG_VERDICT: diagnosis.verdict,
        keys.TAG_FINDINGS: ", ".join(_names(diagnosis)) or "none",
        keys.TAG_VERSION: __version__,
        **{f"{keys.TAG_PREFIX}{one.rule}": _value(one) for one in diagnosis.all_findings()},
    }


def _uri_of(diagnosis: Diagnosis) -> str | None:
    """Return where the run was read from; a masked password leaves that to MLflow's setting."""
    uri = diagnosis.identity.tracking_uri
    return None if uri is None or ":***@" in uri else uri


def _review(diagnosis: Diagnosis, fingerprint: str, *, traces: bool) -> Review:
    pictures = _pictures(diagnosis)
    return Review(
        fingerprint=fingerprint,
        tags=review_tags(diagnosis),
        description=render_description(diagnosis, next(iter(pictures), None)),
        artifacts={
            **pictures,
            _TABLE: findings_table(diagnosis),
            f"{keys.ARTIFACTS}/diagnosis.json": to_json(diagnosis),
            f"{keys.ARTIFACTS}/report.md": render_markdown(diagnosis),
            f"{keys.ARTIFACTS}/report.html": render_html(diagnosis),
        },
        table=_TABLE,
        traces=_traces(diagnosis, pictures) if traces else None,
    )


def _pictures(diagnosis: Diagnosis) -> dict[str, str]:
    """Return the evidence by path; where nothing was found, the course of the run is."""
    pictures = {
        _picture_path(finding): draw(finding.picture)
        for finding in diagnosis.all_findings()
        if finding.picture is not None
    }
    if not diagnosis.findings and diagnosis.overview is not None:
        pictures[f"{keys.ARTIFACTS}/evidence/run.svg"] = draw(diagnosis.overview)
    return pictures


def _picture_path(finding: Finding) -> str:
    return f"{keys.ARTIFACTS}/evidence/{finding.rule}.svg"


def _traces(diagnosis: Diagnosis, pictures: Mapping[str, str]) -> list[FindingTrace]:
    """Return a trace for each finding, one that several others explain just once."""
    by_rule = {finding.rule: finding for finding in diagnosis.all_findings()}
    return [
        _trace(finding, conversation_of(finding, diagnosis), pictures)
        for finding in by_rule.values()
    ]


def _trace(
    finding: Finding, conversation: Conversation, pictures: Mapping[str, str]
) -> FindingTrace:
    return FindingTrace(
        rule=finding.rule,
        severity=str(finding.severity),
        steps=(finding.first_step, finding.last_step),
        summary=conversation.summary,
        fix=conversation.fix,
        question=conversation.question,
        headline=conversation.headline,
        answers=conversation.answers,
        picture=pictures.get(_picture_path(finding)),
    )


def _names(diagnosis: Diagnosis) -> list[str]:
    """Return the rules that found something, causes before symptoms."""
    ordered = (*diagnosis.findings, *diagnosis.all_findings())
    return list(dict.fromkeys(finding.rule for finding in ordered))


def _value(finding: Finding) -> str:
    axis = finding.picture.axis if finding.picture else "step"
    first = finding.first_step
    return finding_value(
        str(finding.severity), axis, f"{first:.0f}" if first % 1 == 0 else f"{first:g}"
    )
