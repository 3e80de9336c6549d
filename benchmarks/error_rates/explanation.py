"""What was said of the calibrating half, run by run, for whoever fits a threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.error_rates import figures
from benchmarks.error_rates.judges import LIVE
from benchmarks.error_rates.judging import Judged
from benchmarks.error_rates.outcomes import Standing
from benchmarks.error_rates.plan import RunSpec
from benchmarks.error_rates.rows import Row, rows_of
from benchmarks.error_rates.said import Remark, Said
from benchmarks.error_rates.shares import Share

Case = tuple[Row, Said]


def explained(judged: Sequence[Judged], form: str) -> Iterator[str]:
    """Say what all rules together said of one form of the runs.

    Args:
        judged: Trainings, judged by `form`.
        form: Which form of the runs.
    """
    cases = _cases(judged, form, form)
    rows = [row for row, _ in cases]
    yield from _excluded(rows)
    found = figures.rates(rows, form)
    for words, share in (
        ("manifest faults named", found.named),
        ("named as the first alarm", found.named_first),
        ("blamed on a wrong cause", found.wrong_cause),
        ("healthy runs with an alarm", found.false_alarms),
        ("healthy runs called healthy", figures.called(rows, form, ["healthy"])),
        ("faults that do not show left alone", figures.silent(rows, form)),
    ):
        yield f"{in_words(share):>28}  {words}"
    yield from _of_faults(rows, form)
    yield from _of_rules(cases, form)
    yield from _listed("Not named", _missed(cases, form))
    yield from _listed("Blamed on a wrong cause", _blamed(cases, form))
    yield from _listed("False alarms", _false(cases, lambda remark: remark.is_alarm))
    yield from _listed("Advice on healthy runs", _false(cases, lambda remark: not remark.is_alarm))
    undecided = (row.spec for row, said in cases if _is_undecided(row, said))
    yield from _listed("Healthy, but inconclusive", map(name_of, undecided))
    broken = {f"{rule}: {error}" for _, said in cases for rule, error in said.broken.items()}
    yield from _listed("Broken rules", sorted(broken))


def explained_live(judged: Sequence[Judged]) -> Iterator[str]:
    """Say which alarms healthy runs would have raised while they went on.

    Args:
        judged: Trainings, judged by the live engine.
    """
    rows = rows_of(judged, {})
    alarms = figures.rates(rows, LIVE).false_alarms
    yield f"{in_words(alarms):>28}  healthy runs with an alarm at any time"
    lines = (
        f"{name_of(row.spec)}: {', '.join(f'{rule} at {at:.0%}' for rule, at in row.live)}"
        for row in figures.standing_as(rows, Standing.HEALTHY)
        if row.live
    )
    yield from _listed("False alarms, live", lines)
    named = figures.rates(rows, LIVE).named
    yield f"\n{in_words(named):>28}  manifest faults named at any time"


def explained_of_rule(judged: Sequence[Judged], form: str, rule: str, judge: str) -> Iterator[str]:
    """Say what a single rule said of one form of the runs.

    Args:
        judged: Trainings, judged by `judge`.
        form: Which form of the runs.
        rule: Name of the rule.
        judge: The judge that asked only this rule about this form.
    """
    cases = _cases(judged, form, judge)
    rows = [row for row, _ in cases]
    alarms = figures.false_alarms_of(rows, form, rule)
    yield f"{in_words(alarms):>28}  healthy runs with an alarm"
    recall = figures.recall_of(rows, form, rule)
    yield f"{in_words(recall):>28}  manifest faults that list it, with an alarm"
    mine = [case for case in cases if _lists(case[0], rule)]
    yield from _of_faults([row for row, _ in mine], form)
    yield from _listed("False alarms", _false(cases, lambda remark: remark.is_alarm))
    yield from _listed("Advice on healthy runs", _false(cases, lambda remark: not remark.is_alarm))
    yield from _listed("Not named", _missed(mine, form))
    yield from _listed("Said of faults that do not list it", _blamed(cases, form))
    unmanifest = (case for case in cases if case[0].standing is Standing.UNMANIFEST)
    yield from _listed("Said of faults that do not show", _with_remarks(unmanifest))


def in_words(share: Share) -> str:
    """Return a share with its interval.

    >>> in_words(Share({"cnn": 1}, {"cnn": 10}))
    '1/10 = 10.0 % (1.8 to 40.4)'
    """
    low, high = (100 * end for end in share.wilson())
    if not share.tried:
        return "0/0"
    return f"{share.hit}/{share.tried} = {100 * share.value:.1f} % ({low:.1f} to {high:.1f})"


def name_of(spec: RunSpec) -> str:
    """Return a training in words.

    >>> name_of(RunSpec("cnn", None, 0, "base", 3))
    'cnn, base, seed 3'
    """
    what = spec.variant if spec.fault is None else f"{spec.fault} {spec.strength}"
    return f"{spec.program}, {what}, seed {spec.seed}"


def _cases(judged: Sequence[Judged], form: str, judge: str) -> list[Case]:
    rows = rows_of(judged, {form: judge})
    return [(row, one.by(judge)) for row, one in zip(rows, judged, strict=True)]


def _lists(row: Row, rule: str) -> bool:
    return row.spec.fault is not None and rule in figures.label_of(row).names


def _is_undecided(row: Row, said: Said) -> bool:
    return row.standing is Standing.HEALTHY and said.verdict == "inconclusive"


def _excluded(rows: Iterable[Row]) -> Iterator[str]:
    rows = list(rows)
    for standing in Standing:
        yield f"{len(figures.standing_as(rows, standing)):>28}  {standing.value}"
    unhealthy = figures.standing_as(rows, Standing.UNHEALTHY)
    yield from _listed(
        "Left out: healthy by design, not by outcome",
        (f"{name_of(row.spec)}: {row.score:.1f} points" for row in unhealthy),
    )


def _of_faults(rows: Sequence[Row], form: str) -> Iterator[str]:
    heads = f"{'strength':>9}{'runs':>6}{'manifest':>9}{'named':>7}{'first':>7}{'wrong':>7}"
    yield f"\n{'fault':<26}{heads}"
    faulty = [row for row in rows if row.spec.fault is not None]
    for fault, strength in sorted({(row.spec.fault, row.spec.strength) for row in faulty}):
        own = [row for row in faulty if (row.spec.fault, row.spec.strength) == (fault, strength)]
        found = figures.rates(own, form)
        yield (
            f"{fault:<26}{strength:>9}{len(own):>6}{found.named.tried:>9}{found.named.hit:>7}"
            f"{found.named_first.hit:>7}{found.wrong_cause.hit:>7}"
        )


def _of_rules(cases: Sequence[Case], form: str) -> Iterator[str]:
    yield f"\n{'rule':<28}{'false alarms':>13}{'advice':>8}{'recall':>9}{'wrong':>7}"
    rows = [row for row, _ in cases]
    healthy = [said for row, said in cases if row.standing is Standing.HEALTHY]
    faults = {rule for row in rows if row.spec.fault for rule in figures.label_of(row).names}
    spoken = {remark.rule for _, said in cases for remark in said.remarks}
    for rule in sorted(faults | spoken):
        recall = figures.recall_of(rows, form, rule)
        yield (
            f"{rule:<28}{figures.false_alarms_of(rows, form, rule).hit:>13}"
            f"{sum(rule in said.advice for said in healthy):>8}"
            f"{f'{recall.hit}/{recall.tried}':>9}"
            f"{figures.wrong_cause_of(rows, form, rule).hit:>7}"
        )


def _missed(cases: Iterable[Case], form: str) -> Iterator[str]:
    for row, said in cases:
        if figures.to_be_named([row], form) and not figures.is_named(row, form):
            yield f"{name_of(row.spec)}: {row.score:.1f} points; {_spoken(said)}"
            for rule in sorted(figures.label_of(row).names & said.abstained.keys()):
                yield f"    {rule} abstained: {said.abstained[rule]}"


def _blamed(cases: Iterable[Case], form: str) -> Iterator[str]:
    wrong = (case for case in cases if _is_blamed(case[0], form))
    return _with_remarks(wrong)


def _is_blamed(row: Row, form: str) -> bool:
    return bool(figures.to_be_named([row], form)) and figures.is_blamed_wrongly(row, form)


def _false(cases: Iterable[Case], counts: Callable[[Remark], bool]) -> Iterator[str]:
    for row, said in cases:
        counted = [remark for remark in said.remarks if counts(remark)]
        if row.standing is Standing.HEALTHY and counted:
            yield f"{name_of(row.spec)}: {row.score:.1f} points"
            for remark in counted:
                yield from _told(remark)


def _with_remarks(cases: Iterable[Case]) -> Iterator[str]:
    for row, said in cases:
        alarms = [remark for remark in said.remarks if remark.is_alarm]
        if alarms:
            yield f"{name_of(row.spec)}: {row.score:.1f} points"
            for remark in alarms:
                yield from _told(remark)


def _told(remark: Remark) -> Iterator[str]:
    symptom = ", a symptom" if remark.is_symptom else ""
    yield f"    {remark.rule} from {remark.at:.0%} on{symptom}: {remark.summary}"
    yield from (f"        {one}" for one in remark.evidence)


def _spoken(said: Said) -> str:
    alarms = ", ".join(said.alarms) or "no alarm"
    return f"{alarms}; advice: {', '.join(said.advice)}" if said.advice else alarms


def _listed(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"\n{title} ({sum(not line.startswith(' ') for line in found)})"
        yield from (f"  {line}" for line in found)
