"""Writes the page of the documentation from the rows that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.error_rates import figures, stamp, tables
from benchmarks.error_rates.judges import FORMS, LIVE
from benchmarks.error_rates.labels import HALVES, Half
from benchmarks.error_rates.outcomes import MAX_RISE, MIN_DEVIATIONS, MIN_POINTS, Standing
from benchmarks.error_rates.rows import Row, load
from benchmarks.error_rates.shares import Share

PATH = stamp.HERE.parent.parent / "docs" / "explanation" / "error-rates.md"
RECORDED = FORMS[0]
_SEEN = ("named", "named first", "wrong cause", "false alarms", "called healthy")

_HEAD = """\
# Error rates

Written by `make error-rates` from the figures that it measured. How often does a diagnosis miss a
fault, blame another, or raise an alarm on a run that is fine? Small models are trained, with a
fault or without; the callback records them as it would anybody's, and all rules are asked."""

_METHOD = """\
## How it was measured

- **Programs and halves.** {programs} base programs train networks of several families on data
  that ships with scikit-learn or is generated. Thresholds were fitted on the programs of the
  calibrating half alone; no architecture is in both halves. The split, and the rules whose alarms
  name each kind of fault, were fixed in `benchmarks/error_rates/labels.toml` before any threshold
  was.
- **Healthy runs** are seeds of each program and of healthy variants of it. One counts only if it
  ended healthy: its score on test data, which took no part, is within {points:g} points or
  {deviations:g} standard deviations of that of its twins (seeds of the unchanged program) or of
  its variant, and its test loss did not end above its best by over {rise:.0%} of what was gained.
- **A fault is manifest** where the score is worse than the twins' mean by more than {points:g}
  points and more than {deviations:g} of their standard deviations, or where its mechanism itself
  was measured: frozen parameters, skipped steps, waiting. Of a fault that does not show, silence
  is right.
- **Named** is a fault where an alarm (a warning or worse) is of a rule that names it. Symptoms
  listed under a cause are alarms too. **Wrong cause** is a first alarm that neither names the
  fault nor is true of what follows from it.
- **Forms of a run.** *What the callback records*; its *metrics without the record*: the points
  that the callback charts, were a step to last half a second; *rows of one an epoch*: mean
  training loss, validation loss and metric, and learning rate, as autologging stores them. In
  rows, only faults count that such rows can show.
- **Live** is the same run replayed: about a dozen looks while it goes on, each from what was known
  by then. Every alarm that was ever raised counts, whether it held or not. The delay is the share
  of the run between the onset of the fault and the first right alarm.
- **Intervals**, in brackets, are of 95 %: Wilson's, which takes runs for independent, and then a
  bootstrap over programs with 2,000 resamples, which asks how other programs might fare.
- **Other tools** are their published formulas, asked about the same recorded runs. An alarm of
  theirs that may mean several things counts for all of them.
- The recorder's stride does not follow the clock here: how busy the machine is would decide it.
  The machine decides the times of steps all the same."""

_OF_RULES = """\
On recorded runs. Recall is of the manifest faults that list the rule among those that name them,
the wrong cause of the other manifest faults, advice and false alarms of healthy runs. The delay is
the median, live."""

_OF_LOOKS = """\
Each look at figures of the reporting half is logged, so that everybody can see how often somebody
could have been led by them."""


def render(rows: Mapping[Half, Sequence[Row]], measured: Mapping[str, Any] | None) -> str:
    """Return the page.

    Args:
        rows: What was kept of each half.
        measured: The stamp of the figures; `None` where nothing was measured yet.
    """
    if measured is None:
        return f"{_HEAD}\n\nNot measured yet.\n"
    every = [row for half in HALVES for row in rows[half]]
    reporting = rows["reporting"]
    sections = [
        _HEAD,
        _counted(every, measured),
        "## Programs that no threshold was fitted on",
        tables.of_forms(reporting),
        "## Bounds",
        _bounds(reporting),
        "## Other tools on the same runs",
        tables.of_tools(reporting),
        "## By rule",
        _OF_RULES,
        tables.of_rules(reporting),
        "## By kind of fault",
        tables.of_faults(reporting),
        "What the first alarm was, of the faults that show:",
        tables.confused(reporting),
        "## How long it takes",
        tables.delayed(reporting),
        "## By program",
        tables.of_programs(reporting),
        "## Programs that the thresholds were fitted on",
        tables.of_forms(rows["calibrating"]),
        _METHOD.format(
            programs=len({row.spec.program for row in every}),
            points=MIN_POINTS,
            deviations=MIN_DEVIATIONS,
            rise=MAX_RISE,
        ),
        "## Left out",
        "Runs that were meant to be healthy and did not end so:",
        tables.left_out(every),
        "## Looks at the reporting half",
        _OF_LOOKS,
        _looks(),
    ]
    return "\n\n".join(sections) + "\n"


def kept_rows(folder: Path = stamp.RESULTS) -> dict[Half, list[Row]]:
    """Return the rows that are committed, by half."""
    paths = {half: folder / f"{half}.csv" for half in HALVES}
    return {half: load(path) if path.exists() else [] for half, path in paths.items()}


def headline(rows: Sequence[Row]) -> dict[str, str]:
    """Return the figures that matter most, in short."""
    found = figures.rates(rows, RECORDED)
    shares = (
        *(found.named, found.named_first, found.wrong_cause, found.false_alarms),
        figures.called(rows, RECORDED, ["healthy"]),
    )
    return dict(zip(_SEEN, map(tables.short, shares), strict=True))


def write() -> None:
    """Write the page from the rows that are committed."""
    PATH.write_text(render(kept_rows(), stamp.load()), encoding="utf-8")


def _counted(rows: Sequence[Row], measured: Mapping[str, Any]) -> str:
    numbers = {standing: len(figures.standing_as(rows, standing)) for standing in Standing}
    faulty = numbers[Standing.MANIFEST] + numbers[Standing.UNMANIFEST]
    other = measured["of_another_recorder"]
    note = (
        f" {other} of the records were made by another version of the recorder." if other else ""
    )
    return (
        f"{faulty:,} runs have a fault, which shows in {numbers[Standing.MANIFEST]:,} of them; "
        f"{numbers[Standing.HEALTHY]:,} are healthy, and {numbers[Standing.UNHEALTHY]:,} that "
        f"were meant to be healthy did not end so and are left out. Measured on "
        f"{measured['date']}, on {measured['cores']} cores of {measured['processor']}.{note}"
    )


def _bounds(rows: Sequence[Row]) -> str:
    """Hold the figures against what this project set out to reach."""
    recorded, epochs = figures.rates(rows, RECORDED), figures.rates(rows, figures.EPOCHS)
    worst = max(
        (figures.false_alarms_of(rows, RECORDED, rule) for rule in _rules_of(rows)),
        key=lambda share: share.value,
        default=Share({}, {}),
    )
    live = figures.rates(rows, LIVE).false_alarms
    bounds = [
        ("manifest faults named", recorded.named, ">=", 0.85),
        ("named as the first alarm", recorded.named_first, ">=", 0.75),
        ("blamed on a wrong cause", recorded.wrong_cause, "<=", 0.08),
        ("healthy runs with any alarm", recorded.false_alarms, "<=", 0.03),
        ("healthy runs with an alarm of the worst rule", worst, "<=", 0.01),
        ("healthy runs called `healthy`", figures.called(rows, RECORDED, ["healthy"]), ">=", 0.95),
        ("healthy runs with any alarm ever raised live", live, "<=", 0.04),
        ("rows an epoch: manifest faults named", epochs.named, ">=", 0.6),
        ("rows an epoch: healthy runs with any alarm", epochs.false_alarms, "<=", 0.03),
    ]
    lines = [
        [
            words,
            f"{'at least' if sign == '>=' else 'at most'} {bound:.0%}",
            tables.short(share),
            "yes" if _holds(share, sign, bound) else "**no**",
        ]
        for words, share, sign, bound in bounds
    ]
    return tables.table(["", "bound", "measured", "kept"], lines)


def _holds(share: Share, sign: str, bound: float) -> bool:
    return share.value >= bound if sign == ">=" else share.value <= bound


def _rules_of(rows: Sequence[Row]) -> set[str]:
    return {rule for row in rows for (rule,) in row.alarms(RECORDED)}


def _looks() -> str:
    found = stamp.looks()
    lines = [
        [*(look[name] for name in ("date", "commit", "runs")), *(look[name] for name in _SEEN)]
        for look in found
    ]
    return tables.table(["date", "commit", "runs", *_SEEN], lines) if lines else "There was none."
