"""The tables of the page about error rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from benchmarks.error_rates import figures
from benchmarks.error_rates.figures import EPOCHS
from benchmarks.error_rates.judges import FORMS, LIVE
from benchmarks.error_rates.outcomes import Standing
from benchmarks.error_rates.rows import Row, tools_of
from benchmarks.error_rates.shares import Share
from tuneguard.rules import BUILTIN_RULES

RECORDED = FORMS[0]
TITLES = {
    RECORDED: "what the callback records",
    "metrics": "its metrics without the record",
    EPOCHS: "rows of one an epoch",
    LIVE: "live: every alarm ever raised",
}


def full(share: Share) -> str:
    """Return a share with both intervals."""
    if not share.tried:
        return "no run"
    return f"{short(share)} ({_ends(share.wilson())}; {_ends(share.over_programs())})"


def short(share: Share) -> str:
    """Return a share with its counts.

    >>> short(Share({"cnn": 1}, {"cnn": 8}))
    '12.5 % of 8'
    """
    return f"{100 * share.value:.1f} % of {share.tried}" if share.tried else "no run"


def counts(share: Share) -> str:
    """Return the counts of a share.

    >>> counts(Share({"cnn": 1}, {"cnn": 8}))
    '1/8'
    """
    return f"{share.hit}/{share.tried}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose first column is text and whose others are figures."""
    rules = ["---", *["---:"] * (len(heads) - 1)]
    lines = [heads, rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def of_forms(rows: Sequence[Row]) -> str:
    """Return the rates of each form of the runs, and of all live alarms."""
    lines: dict[str, list[str]] = {
        "manifest faults named": [],
        "named as the first alarm": [],
        "blamed on a wrong cause": [],
        "healthy runs with any alarm": [],
        "healthy runs called `healthy`": [],
        "healthy runs called `healthy` or `info`": [],
        "faults that do not show left alone": [],
    }
    for form in (*FORMS, LIVE):
        found = figures.rates(rows, form)
        is_live = form == LIVE
        cells = (
            full(found.named),
            full(found.named_first),
            full(found.wrong_cause),
            full(found.false_alarms),
            "" if is_live else full(figures.called(rows, form, ["healthy"])),
            "" if is_live else full(figures.called(rows, form, ["healthy", "info"])),
            full(figures.silent(rows, form)),
        )
        for line, cell in zip(lines.values(), cells, strict=True):
            line.append(cell)
    return table(["", *TITLES.values()], ([words, *cells] for words, cells in lines.items()))


def of_tools(rows: Sequence[Row]) -> str:
    """Return the rates of the other tools beside those of the rules."""
    lines = []
    for name in (RECORDED, *tools_of(rows)):
        found = figures.rates(rows, name)
        title = "tuneguard" if name == RECORDED else name
        shares = (found.named, found.named_first, found.wrong_cause, found.false_alarms)
        lines.append([title, *map(full, shares), _place(found, rows, name)])
    heads = ["tool", "named", "named first", "wrong cause", "healthy runs with an alarm"]
    return table([*heads, "behind tuneguard"], lines)


def _place(found: figures.Rates, rows: Sequence[Row], name: str) -> str:
    if name == RECORDED:
        return ""
    own = figures.rates(rows, RECORDED)
    recall = found.named.value < own.named.value
    alarms = found.false_alarms.value > own.false_alarms.value
    if recall and alarms:
        return "on both"
    return "on recall alone" if recall else "on false alarms alone" if alarms else "on neither"


def of_rules(rows: Sequence[Row]) -> str:
    """Return what each rule does on recorded runs."""
    lines = []
    for rule in BUILTIN_RULES:
        shares = (
            figures.recall_of(rows, RECORDED, rule.name),
            figures.wrong_cause_of(rows, RECORDED, rule.name),
            figures.false_alarms_of(rows, RECORDED, rule.name),
            figures.advice_of(rows, RECORDED, rule.name),
        )
        delays = figures.delays(rows, rule.name)
        delay = f"{median(delays):.0%}" if delays else ""
        link = f"[{rule.name}](../reference/rules/{rule.id}-{rule.name}.md)"
        lines.append([link, *map(counts, shares), delay])
    heads = ["rule", "recall", "wrong cause", "false alarms", "advice on healthy", "delay"]
    return table(heads, lines)


def of_faults(rows: Sequence[Row]) -> str:
    """Return how each kind of fault fared at each strength."""
    faulty = [row for row in rows if row.spec.fault is not None]
    lines = []
    for kind in sorted({str(row.spec.fault) for row in faulty}):
        own = [row for row in faulty if row.spec.fault == kind]
        shown = [
            Share.of(
                [row for row in own if row.spec.strength == strength],
                lambda row: row.standing is Standing.MANIFEST,
            )
            for strength in (1, 2, 3)
        ]
        found = figures.rates(own, RECORDED)
        by_epochs = figures.rates(own, EPOCHS).named
        lines.append(
            [
                kind.replace("_", " "),
                *map(counts, shown),
                counts(found.named),
                counts(found.named_first),
                counts(found.wrong_cause),
                counts(by_epochs) if by_epochs.tried else "cannot show",
            ]
        )
    heads = ["fault", "shows: weak", "medium", "strong", "named", "first", "wrong cause"]
    return table([*heads, "named in rows an epoch"], lines)


def of_programs(rows: Sequence[Row]) -> str:
    """Return the rates in each program."""
    lines = []
    for program in sorted({row.spec.program for row in rows}):
        own = [row for row in rows if row.spec.program == program]
        found, live = figures.rates(own, RECORDED), figures.rates(own, LIVE)
        shares = (
            *(found.named, found.named_first, found.wrong_cause, found.false_alarms),
            live.false_alarms,
            figures.called(own, RECORDED, ["healthy"]),
        )
        lines.append([program, *map(counts, shares)])
    heads = ["program", "named", "first", "wrong cause", "false alarms", "live", "`healthy`"]
    return table(heads, lines)


def confused(rows: Sequence[Row]) -> str:
    """Return what the first alarm was, for each kind of fault that shows."""
    lines = []
    for kind, counted in sorted(figures.confusion(rows, RECORDED).items()):
        said = ", ".join(f"{rule} {count}" for rule, count in counted.most_common())
        lines.append(f"- {kind.replace('_', ' ')}: {said}")
    return "\n".join(lines)


def delayed(rows: Sequence[Row]) -> str:
    """Say how long the first right alarm takes."""
    found = sorted(figures.delays(rows))
    if not found:
        return "No fault was named while its run went on."
    named: Callable[[Row], bool] = lambda row: figures.is_named(row, LIVE)  # noqa: E731
    share = Share.of(figures.to_be_named(rows, LIVE), named)
    return (
        f"Of {share.tried} manifest faults {share.hit} are named while the run goes on or when "
        f"it ends. From the onset of the fault to the first right alarm it takes "
        f"{median(found):.0%} of the run in the median, and {found[int(0.9 * len(found))]:.0%} "
        f"at most in nine of ten."
    )


def left_out(rows: Sequence[Row]) -> str:
    """Return the healthy trainings that did not end healthy, by program and variant."""
    healthy = [row for row in rows if row.spec.fault is None]
    shares: dict[tuple[str, str], Share] = {}
    for key in sorted({(row.spec.program, row.spec.variant) for row in healthy}):
        own = [row for row in healthy if (row.spec.program, row.spec.variant) == key]
        shares[key] = Share.of(own, lambda row: row.standing is Standing.UNHEALTHY)
    lines = [
        [program, variant, counts(share)]
        for (program, variant), share in shares.items()
        if share.hit
    ]
    return table(["program", "variant", "left out"], lines) if lines else "None was left out."


def _ends(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}"
