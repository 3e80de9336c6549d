"""The pages of the server beside the reports: experiments, their runs, and what else to say.

Nothing here draws: the pages are made in MLflow's server itself, which must not wait for them.
Addresses are relative, so that the pages work behind any prefix and any proxy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

from jinja2 import Environment
from markupsafe import Markup

from tuneguard.reports.pages import page_environment
from tuneguard.reports.untrusted import cleaned, clipped
from tuneguard.scanned_run import ScannedRun

_LONGEST_NAME: Final = 120
_FINDINGS_SHOWN: Final = 6
_MACHINE_LEARNING: Final = "workflowType=machine_learning"

Links = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ListedExperiment:
    """An experiment in a list. Its name is untrusted.

    Attributes:
        experiment_id: The experiment.
        name: Its name.
        counts: How many of its runs have each verdict; empty where that is not known.
    """

    experiment_id: str
    name: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunListPage:
    """What the page of an experiment shows.

    Attributes:
        experiment: The experiment.
        runs: The runs of this page, the worst first.
        verdicts: The verdicts to choose from, the worst first.
        chosen: The filters in use by name: `verdict`, `rule`, `text`; each may be empty.
        following: Where the next page begins; empty after the last.
        is_first: Whether this is the first page.
    """

    experiment: ListedExperiment
    runs: Sequence[ScannedRun]
    verdicts: Sequence[str]
    chosen: Mapping[str, str]
    following: str
    is_first: bool

    def address(self, **changes: str) -> str:
        """Return the address of this list with other filters."""
        query = {name: text for name, text in {**self.chosen, **changes}.items() if text}
        return f"?{urlencode(query)}" if query else self.experiment.experiment_id


def run_list(page: RunListPage) -> str:
    """Return the page of an experiment."""
    return _rendered(
        "server/runs.html.j2",
        page=page,
        experiment=cleaned_experiment(page.experiment),
        runs=[cleaned(run) for run in page.runs],
        chosen={name: cleaned(text) for name, text in page.chosen.items()},
    )


def experiment_list(
    experiments: Sequence[ListedExperiment], text: str = "", following: str = ""
) -> str:
    """Return the page of all experiments.

    Args:
        experiments: What to list.
        text: What their names contain, where that was asked for.
        following: Token of the next page; empty after the last.
    """
    return _rendered(
        "server/experiments.html.j2",
        experiments=[cleaned_experiment(one) for one in experiments],
        text=cleaned(text),
        following=urlencode({"text": text, "after": following}) if following else "",
    )


def message(title: str, paragraphs: Sequence[str], links: Links = ()) -> str:
    """Return a page that says something in place of a report.

    Args:
        title: In a few words. It may hold untrusted text, and so may the paragraphs.
        paragraphs: What happened, and what to do.
        links: Words and address of each link.
    """
    return _rendered(
        "server/message.html.j2",
        title=cleaned(clipped(title, _LONGEST_NAME)),
        paragraphs=[cleaned(one) for one in paragraphs],
        links=links,
    )


def cleaned_experiment(experiment: ListedExperiment) -> ListedExperiment:
    """Return an experiment whose name is fit to be shown."""
    name = cleaned(experiment.name) or experiment.experiment_id
    return ListedExperiment(experiment.experiment_id, name, experiment.counts)


def mlflow_run(experiment_id: str, run_id: str) -> str:
    """Return the address of a run in MLflow, from the page of an experiment or a run."""
    return f"../../#/experiments/{experiment_id}/runs/{run_id}?{_MACHINE_LEARNING}"


def mlflow_experiment(experiment_id: str) -> str:
    """Return the address of an experiment in MLflow, from the page of an experiment or a run."""
    return f"../../#/experiments/{experiment_id}/runs?{_MACHINE_LEARNING}"


def style_source() -> str:
    """Return what a Content-Security-Policy says of the one style sheet of the pages."""
    digest = hashlib.sha256(_style().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _rendered(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = page_environment()
    environment.globals.update(
        style=Markup(_style()),  # noqa: S704 - a file of the package
        mlflow_run=mlflow_run,
        mlflow_experiment=mlflow_experiment,
        moment=_moment,
        short=lambda text: clipped(text, _LONGEST_NAME),
        findings_shown=_FINDINGS_SHOWN,
    )
    return environment


@cache
def _style() -> str:
    folder = files("tuneguard.reports").joinpath("templates")
    sheets = (folder.joinpath(name) for name in ("report.css", "server/pages.css"))
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


def _moment(milliseconds: int | None) -> str:
    """Return a time in UTC to the minute; nothing for one that no calendar has."""
    try:
        when = datetime.fromtimestamp((milliseconds or 0) / 1000, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return ""
    return f"{when:%Y-%m-%d %H:%M}" if milliseconds else ""
