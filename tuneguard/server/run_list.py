"""The runs of an experiment, worst first, a page at a time, by what their tags say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mlflow import MlflowClient
from mlflow.entities import Run

from tuneguard import keys
from tuneguard.scanned_run import ScannedRun, findings_in

OTHER: Final = "other"
"""Runs in whose tag somebody wrote a word that is no verdict."""
UNDIAGNOSED: Final = "none"
VERDICTS: Final = ("critical", "warning", "info", "inconclusive", "healthy", OTHER, UNDIAGNOSED)
PAGE: Final = 50

_RULE = re.compile(r"[a-z][a-z0-9-]{0,63}")
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{0,300}")
_RUN_ID = re.compile(r"[0-9a-f]{32}")
# what would end or change a quoted pattern stands for any one character
_NOT_LITERAL = re.compile(r"""['"`\\%;\x00-\x1f]""")
_LONGEST_TEXT: Final = 100


def escaped(text: str) -> str:
    """Return a pattern for a filter of MLflow's that nothing in `text` can end or leave.

    >>> escaped("lr's 50%")
    'lr_s 50_'
    """
    return _NOT_LITERAL.sub("_", text[:_LONGEST_TEXT])


@dataclass(frozen=True, slots=True)
class Filters:
    """Which runs to list. Every field may be empty.

    Attributes:
        verdict: One of `VERDICTS`.
        rule: Name of a rule that found something.
        text: A part of the run's name, or its whole id.
    """

    verdict: str = ""
    rule: str = ""
    text: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether the fields hold what they may."""
        is_verdict = not self.verdict or self.verdict in VERDICTS
        return is_verdict and (not self.rule or _RULE.fullmatch(self.rule) is not None)

    def query(self, verdict: str) -> str:
        """Return a filter of MLflow's for the runs of one verdict.

        >>> Filters(text="lr's 50%").query("critical")
        "tags.`tuneguard.verdict` = 'critical' and attributes.run_name ILIKE '%lr_s 50_%'"
        """
        conditions = _conditions(verdict)
        if self.rule:
            conditions.append(f"tags.`{keys.TAG_PREFIX}{self.rule}` IS NOT NULL")
        if _RUN_ID.fullmatch(self.text):
            conditions.append(f"attributes.run_id = '{self.text}'")
        elif self.text:
            conditions.append(f"attributes.run_name ILIKE '%{escaped(self.text)}%'")
        return " and ".join(conditions)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list begins.

    Attributes:
        verdict: The verdict of its first run.
        token: MLflow's own for the page among the runs of that verdict.
    """

    verdict: str = VERDICTS[0]
    token: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}.{self.token}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        """Return the place that `str` spelled, or `None`.

        >>> Place.read(str(Place("info", "abc=")))
        Place(verdict='info', token='abc=')
        """
        verdict, _, token = text.partition(".")
        is_place = verdict in VERDICTS and _TOKEN.fullmatch(token)
        return cls(verdict, token) if is_place else None


def list_runs(
    client: MlflowClient, experiment_id: str, filters: Filters, place: Place, size: int = PAGE
) -> tuple[list[ScannedRun], Place | None]:
    """Return a page of runs, the worst first and the newest first among equals.

    No history and no artifact is read: a page costs a few queries, however many runs there are.

    Args:
        client: Client of the store.
        experiment_id: The experiment.
        filters: Which runs.
        place: Where the page begins.
        size: How many runs it has.

    Returns:
        The runs, and where the next page begins, or `None` after the last.

    Raises:
        mlflow.exceptions.MlflowException: There is no such experiment or place.
    """
    runs: list[ScannedRun] = []
    for verdict, token in _verdicts_from(place, filters):
        page = client.search_runs(
            [experiment_id],
            filters.query(verdict),
            max_results=size - len(runs),
            order_by=["attributes.start_time DESC"],
            page_token=token or None,
        )
        runs += map(_scanned, page)
        if page.token:
            return runs, Place(verdict, spelled(page.token))
        if len(runs) == size:
            following = next((one for one, _ in _verdicts_from(Place(verdict), filters, 1)), None)
            return runs, Place(following) if following else None
    return runs, None


def spelled(token: str | bytes | None) -> str:
    """Return a page's token as text: a store asked directly has bytes.

    >>> spelled(b"abc="), spelled(None)
    ('abc=', '')
    """
    return token.decode("ascii") if isinstance(token, bytes) else token or ""


def _conditions(verdict: str) -> list[str]:
    tag = f"tags.`{keys.TAG_VERDICT}`"
    if verdict == UNDIAGNOSED:
        return [f"{tag} IS NULL"]
    if verdict == OTHER:
        return [f"{tag} != '{one}'" for one in VERDICTS if one not in {OTHER, UNDIAGNOSED}]
    return [f"{tag} = '{verdict}'"]


def _verdicts_from(place: Place, filters: Filters, skip: int = 0) -> Iterator[tuple[str, str]]:
    wanted = (filters.verdict,) if filters.verdict else VERDICTS
    for verdict in VERDICTS[VERDICTS.index(place.verdict) + skip :]:
        if verdict in wanted:
            yield verdict, place.token if verdict == place.verdict else ""


def _scanned(run: Run) -> ScannedRun:
    tags = run.data.tags
    return ScannedRun(
        run_id=run.info.run_id,
        name=run.info.run_name or "",
        status=run.info.status,
        start_time=run.info.start_time,
        outcome="unchanged",
        verdict=tags.get(keys.TAG_VERDICT, ""),
        findings=findings_in(tags),
    )
