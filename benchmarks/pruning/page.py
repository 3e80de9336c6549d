"""Writes the page of the documentation from the trials that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from benchmarks.error_rates.source_digests import ROOT
from benchmarks.pruning.replay import ALONE, AROUND, MEDIAN, NOBODY, WAYS, Searched, search
from benchmarks.pruning.search import REPEATS, STEPS, TRIALS, VALIDATIONS
from benchmarks.pruning.training import STEP_SECONDS, Trained

PATH = ROOT / "docs" / "explanation" / "pruning.md"
_MOST_ALONE = 0.75
_STANDSTILL = 0.5

_HEAD = """\
# What pruning doomed trials saves

Written by `make pruning-rates` from the figures that it measures. The same {trials} random trials
are searched without pruning, with Optuna's median pruner, and with the pruner of tuneguard
([how to use it](../how-to/search-with-optuna.md)), {repeats} times with other trials and other
seeds."""

_METHOD = """\
## How it was measured

- **Trials**: perceptrons that tell noisy 8 x 8 digits apart, of {steps} steps with {validations}
  validations. Learning rate from 1e-5 to 10 and weight decay from 1e-6 to 0.1, both log-uniform,
  SGD with momentum or AdamW, batches of 16 to 128, 8 to 128 units in 1 to 4 layers, dropout up to
  0.5, drawn by Optuna's `RandomSampler`. Lowered is the validation loss; the value of a trial is
  its lowest.
- **Replayed**: each trial was trained once, to its end. A random sampler draws no trial from what
  came of others, so a trial that is pruned is the same one cut short: each search is an Optuna
  study in which the trials report what they measured, one after another. Steps are those up to the
  report at which a trial was pruned. That is exact.
- **What the callback finds** comes from its own live diagnosis of what it recorded, with a clock
  on which a step takes {seconds:g} seconds, as in a training of half an hour: it looks every half
  a minute at most, and a trial that lasts a second would be over before its first look.
- `MedianPruner()` has its defaults: it begins after 5 completed trials, at the first report.
- **±** is the standard deviation over the {repeats} repeats."""

_MEASURED = "Measured on {date}, on {processor}, {cores} cores, with Optuna {optuna}."


def render(trials: Sequence[Trained], stamp: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        trials: All trials of all repeats.
        stamp: What they were trained with, where and when.
    """
    searched = {name: searches(trials, name) for name in WAYS}
    sections = [
        _HEAD.format(trials=TRIALS, repeats=REPEATS),
        _summary(searched),
        _targets(searched),
        "## Repeat by repeat",
        "Best validation loss, and steps of all trials as a share of those without pruning.",
        _repeats(searched),
        "## What it means",
        _meaning(trials, searched),
        _METHOD.format(
            steps=STEPS, validations=VALIDATIONS, seconds=STEP_SECONDS, repeats=REPEATS
        ),
        _MEASURED.format(**stamp),
    ]
    return "\n\n".join(sections) + "\n"


def searches(trials: Sequence[Trained], name: str) -> list[Searched]:
    """Search each repeat's trials in one of the ways of `WAYS`."""
    return [
        search([one for one in trials if one.repeat == repeat], WAYS[name])
        for repeat in range(REPEATS)
    ]


def _summary(searched: Mapping[str, Sequence[Searched]]) -> str:
    heads = ("pruner", "best loss", "its accuracy", "steps", "pruned", "of them doomed")
    rows = [
        (
            name,
            _spread([one.best_loss for one in found], ".4f"),
            _spread([one.best_accuracy for one in found], ".3f"),
            _spread(_shares(found, searched[NOBODY]), ".1%"),
            f"{mean(one.pruned for one in found):.1f}",
            f"{mean(one.doomed for one in found):.1f}",
        )
        for name, found in searched.items()
    ]
    return _table(heads, rows)


def _repeats(searched: Mapping[str, Sequence[Searched]]) -> str:
    shares = {name: _shares(found, searched[NOBODY]) for name, found in searched.items()}
    rows = [
        (
            str(repeat + 1),
            *(
                f"{found[repeat].best_loss:.4f}, {shares[name][repeat]:.1%}"
                for name, found in searched.items()
            ),
        )
        for repeat in range(REPEATS)
    ]
    return _table(("repeat", *searched), rows)


def _targets(searched: Mapping[str, Sequence[Searched]]) -> str:
    around, median = searched[AROUND], searched[MEDIAN]
    pairs = list(zip(around, median, strict=True))
    same = sum(one.best_loss == other.best_loss for one, other in pairs)
    fewer = sum(one.steps < other.steps for one, other in pairs)
    equal = sum(one.steps == other.steps for one, other in pairs)
    more = REPEATS - fewer - equal
    total = sum(one.steps for one in around) / sum(one.steps for one in median)
    alone = mean(_shares(searched[ALONE], searched[NOBODY]))
    reached = same == REPEATS and total < 1.0
    return (
        f"Meant: around the median pruner, the same best loss with fewer steps than the median "
        f"pruner alone: {_met(reached)} over all repeats, with {total:.1%} of its steps. The best "
        f"is the same in {same} of {REPEATS} repeats; steps are fewer in {fewer}, the same in "
        f"{equal}, more in {more}.\n\n"
        f"Meant: alone, at most {_MOST_ALONE:.0%} of the steps of no pruning: "
        f"{_met(alone <= _MOST_ALONE)}, with {alone:.1%}."
    )


def _meaning(trials: Sequence[Trained], searched: Mapping[str, Sequence[Searched]]) -> str:
    told = [one.told_at / STEPS for one in trials if one.told_at is not None]
    early = sum(share < _STANDSTILL for share in told)
    same = sum(
        one.best_loss == other.best_loss
        for one, other in zip(searched[ALONE], searched[NOBODY], strict=True)
    )
    return f"""\
- Alone, the pruner never compares trials: it ends those that are lost by themselves. The best of
  no pruning was kept in {same} of {REPEATS} repeats.
- Of {len(trials)} trials {len(told)} were doomed, {early} of them before they had come to half of
  their steps. That a run stands still counts from there on, because healthy runs stand still
  before that too: of a trial that never leaves chance level, no more than half is saved.
- The median pruner ends most bad trials at their first reports, by comparison, but only when
  enough others are complete. Around it, the diagnosis ends doomed trials before that, and keeps
  them out of its median; on the other hand it is later that enough are complete."""


def _shares(found: Sequence[Searched], whole: Sequence[Searched]) -> list[float]:
    return [one.steps / other.steps for one, other in zip(found, whole, strict=True)]


def _spread(values: Sequence[float], form: str) -> str:
    return f"{mean(values):{form}} ± {stdev(values):{form}}"


def _met(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
