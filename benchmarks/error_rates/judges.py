"""Who says something of a training: the rules on each form of it, the live engine, other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.error_rates.cache import Kept
from benchmarks.error_rates.comparators import COMPARATORS
from benchmarks.error_rates.outcomes import Outcome
from benchmarks.error_rates.said import Said
from benchmarks.error_rates.source_digests import ROOT, code_digest
from benchmarks.error_rates.views import VIEWS
from tuneguard import RunHistory, Severity, diagnose
from tuneguard.live import alarms, looks
from tuneguard.rules import BUILTIN_RULES

Document = dict[str, Any]

OUTCOME, LIVE, COMPARED, OTHERS = "outcome", "live", "comparators", "others"
FORMS = tuple(VIEWS)
_RECORDED = "recorded"
_HERE = Path(__file__).parent
_PACKAGE = ROOT / "tuneguard"
_RULES = _PACKAGE / "rules"
_BESIDE_RULES = (
    *(_PACKAGE / name for name in ("statistics", "history", "spool/charts.py")),
    *(_PACKAGE / name for name in ("causes.py", "chance.py", "diagnosis.py", "rule.py")),
    *(_PACKAGE / name for name in ("first_steps.py", "machine.py", "model_layers.py")),
    *(_PACKAGE / name for name in ("first_outputs.py", "shortfall.py", "symptoms.py")),
)
_FIRST_LOOK = 0.08
"""Share of a run at the first of a dozen looks that are taken while it goes on."""
_OF_FORMS = (_HERE / "views.py", _HERE / "said.py")


def one_rule_on(form: str, rule: str) -> str:
    """Return the judge that asks a single rule about one form of a training."""
    return f"{form}/{rule}"


def judge(name: str, kept: Kept) -> Document:
    """Say something of a training.

    Args:
        name: What became of it (`outcome`), a form of it (`FORMS`), a form and a rule
            (`one_rule_on`), the rules while it went on (`live`), or other tools (`comparators`).
        kept: The training.
    """
    if name in _OTHERS:
        return _OTHERS[name](kept)
    form, _, rule = name.partition("/")
    history = _seen(form, kept)
    rules = [one for one in BUILTIN_RULES if rule in {"", one.name}]
    return Said.of(diagnose(history, rules, pictures=False), history).to_document()


def digest_of_judge(name: str) -> str:
    """Return a hash of the code that decides what a judge says."""
    if name == OUTCOME:
        return code_digest([_HERE / "outcomes.py", _HERE / "mechanisms.py"])
    if name == LIVE:
        return code_digest([_RULES, *_BESIDE_RULES, *_OF_FORMS, _PACKAGE / "live"])
    if name in {COMPARED, OTHERS}:
        return code_digest([_HERE / "comparators", _HERE / "views.py", _PACKAGE / "history"])
    rule = name.partition("/")[2]
    asked = [_RULES / f"{rule.replace('-', '_')}.py"] if rule else [_RULES]
    return code_digest([*asked, *_BESIDE_RULES, *_OF_FORMS])


def rules_digest() -> str:
    """Return a hash of the code that a diagnosis follows from."""
    return code_digest([_RULES, *_BESIDE_RULES, _PACKAGE / "live"])


@lru_cache(maxsize=len(VIEWS))
def _seen(form: str, kept: Kept) -> RunHistory:
    """Return a form of a training; several judges are asked about the same one in turn."""
    return VIEWS[form](kept)


def _outcome(kept: Kept) -> Document:
    return Outcome.of(kept).to_document()


def _compared(kept: Kept) -> Document:
    history = _seen(_RECORDED, kept)
    return {
        one.name: [one.names[signal] for signal in one.signals(history)] for one in COMPARATORS
    }


def _live(kept: Kept) -> Document:
    history = _seen(_RECORDED, kept)
    raised: dict[str, float] = {}
    for alarm in alarms(looks(history, first=_FIRST_LOOK * history.last_step)):
        if alarm.severity >= Severity.WARNING:
            raised.setdefault(alarm.rule, round(alarm.step / history.last_step, 4))
    return {"raised": list(raised.items())}


_OTHERS: Mapping[str, Callable[[Kept], Document]] = {
    OUTCOME: _outcome,
    LIVE: _live,
    COMPARED: _compared,
}
