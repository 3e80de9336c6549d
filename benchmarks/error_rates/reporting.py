"""Keeps the figures of a complete benchmark where the documentation shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks import measured_rates
from benchmarks.error_rates import figures, page, rows, stamp
from benchmarks.error_rates.judges import FORMS
from benchmarks.error_rates.labels import Half
from benchmarks.error_rates.rows import Row
from benchmarks.error_rates.shares import Share
from tuneguard.rules import BUILTIN_RULES

RECORDED = FORMS[0]
_MEASURED_ON = (
    "Measured by `make error-rates` on small trainings of programs that no threshold was fitted "
    "on: see [Error rates](../../explanation/error-rates.md)."
)


def keep(halves: Mapping[Half, Sequence[Row]], *, of_another_recorder: int) -> None:
    """Write the results, their stamp, the page, and the figures for the pages of the rules.

    Args:
        halves: All rows of each half.
        of_another_recorder: How many records another version of the recorder made.
    """
    stamp.RESULTS.mkdir(exist_ok=True)
    for half, found in halves.items():
        rows.save(found, stamp.RESULTS / f"{half}.csv")
    stamp.save(of_another_recorder=of_another_recorder)
    page.write()
    rules = {rule.name: of_rule(halves["reporting"], rule.name) for rule in BUILTIN_RULES}
    measured_rates.keep("error-rates", _MEASURED_ON, rules)


def of_rule(found: Sequence[Row], rule: str) -> list[dict[str, object]]:
    """Return the figures for the page of a rule."""
    parts: dict[str, Share] = {}
    for form, words in zip(FORMS, ("recorded", "charted", "one row an epoch"), strict=True):
        parts[f"healthy runs, {words}"] = figures.false_alarms_of(found, form, rule)
    for form, words in zip(FORMS, ("recorded", "charted", "one row an epoch"), strict=True):
        parts[f"runs whose fault it names, {words}"] = figures.recall_of(found, form, rule)
    parts["runs with another fault, blamed first"] = figures.wrong_cause_of(found, RECORDED, rule)
    return [
        {"on": on, "flagged": share.hit, "of": share.tried}
        for on, share in parts.items()
        if share.tried
    ]
