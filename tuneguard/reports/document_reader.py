"""A JSON document read back as a diagnosis: everything in it is checked, nothing is believed.

What is read here may have been written by anybody who may write into a run. A document is taken
only if it meets the schema to the letter, and each of its parts is built anew from values whose
types are known. So no second description of the format is needed, and no package that reads one:
a test holds this file against `diagnosis.schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar, get_args

from tuneguard.diagnosis import BrokenRule, Diagnosis, Verdict
from tuneguard.exceptions import DiagnosisFormatError
from tuneguard.findings import (
    Abstained,
    Change,
    Evidence,
    Finding,
    LayerExtreme,
    LayerMap,
    Line,
    Passed,
    Picture,
    Prescription,
    Severity,
    View,
)
from tuneguard.history import RunIdentity
from tuneguard.reports.document import SCHEMA_VERSION

_Value = TypeVar("_Value")
_Reader = Callable[[Any], _Value]

_NOT_FINITE: Final = {
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_AXES: Final = ("step", "epoch")
_MAX_POINTS: Final = 1000
_MAX_BLOCKS: Final = 60


def from_json(text: str | bytes) -> Diagnosis:
    """Read what `to_json` wrote.

    Raises:
        DiagnosisFormatError: It is not such a document.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
        return from_document(document)
    except (ValueError, RecursionError) as error:
        raise DiagnosisFormatError(f"It is not a JSON document: {error}") from error


def from_document(document: Any) -> Diagnosis:
    """Read what `to_document` made.

    Args:
        document: Lists, mappings, texts and numbers, as `json.loads` returns them.

    Raises:
        DiagnosisFormatError: It does not meet the schema.
    """
    if isinstance(document, dict) and document.get("schema_version") != SCHEMA_VERSION:
        raise DiagnosisFormatError(
            f"Its schema is not version {SCHEMA_VERSION}: another version of tuneguard wrote it."
        )
    whole = _record(
        document,
        schema_version=_text,
        tuneguard_version=_text,
        verdict=_word(*get_args(Verdict)),
        is_running=_flag,
        run=_identity,
        findings=_several(_finding),
        passed=_several(_passed),
        abstained=_several(_abstained),
        broken=_several(_broken),
        notes=_several(_text),
        rules=_several(_text),
        overview=_or_null(_picture),
        layers=_several(_layer_map, largest=2),
    )
    identity = whole.pop("run")
    del whole["schema_version"], whole["tuneguard_version"]
    return Diagnosis(identity=identity, **whole)


def _identity(value: Any) -> RunIdentity:
    maybe = _or_null(_text)
    fields = _record(
        value, run_id=maybe, name=_text, experiment_id=maybe, tracking_uri=maybe, state=_text
    )
    return RunIdentity(**fields)


def _finding(value: Any) -> Finding:
    fields = _record(
        value,
        rule=_text,
        rule_id=_text,
        severity=_word("info", "warning", "critical"),
        summary=_text,
        why=_text,
        confidence=_share,
        first_step=_number,
        last_step=_number,
        evidence=_several(_evidence, smallest=1),
        prescriptions=_several(_prescription),
        symptoms=_several(_finding),
        picture=_or_null(_picture),
    )
    # both follow from the evidence
    del fields["first_step"], fields["last_step"]
    severity = Severity[fields.pop("severity").upper()]
    return Finding(severity=severity, **fields)


def _evidence(value: Any) -> Evidence:
    fields = _record(
        value, metric=_text, statistic=_text, value=_number, threshold=_number, steps=_span
    )
    return Evidence(**fields)


def _prescription(value: Any) -> Prescription:
    fields = _record(
        {"track_record": "", **value} if isinstance(value, dict) else value,
        parameter=_text,
        current=_or_null(_text),
        suggested=_text,
        action=_text,
        rationale=_text,
        tradeoff=_text,
        verify=_text,
        snippet=_text,
        changes=_several(_change),
        track_record=_text,
    )
    return Prescription(**fields)


def _change(value: Any) -> Change:
    operation = _word("set", "multiply", "add")
    return Change(**_record(value, parameter=_text, operation=operation, value=_setting))


def _picture(value: Any) -> Picture:
    fields = _record(
        value,
        axis=_word(*_AXES),
        span=_or_null(_span),
        threshold=_or_null(_number),
        marks=_several(_mark),
        log_scale=_flag,
        lines=_several(_line),
    )
    axis, lines = fields.pop("axis"), fields.pop("lines")
    return Picture(View(tuple(line.metric for line in lines), **fields), lines, axis)


def _line(value: Any) -> Line:
    numbers = _several(_number, largest=_MAX_POINTS)
    line = Line(**_record(value, metric=_text, steps=numbers, values=numbers))
    if len(line.steps) != len(line.values):
        _refuse("a line has as many steps as values")
    return line


def _mark(value: Any) -> tuple[float, str]:
    fields = _record(value, step=_number, word=_text)
    return fields["step"], fields["word"]


def _layer_map(value: Any) -> LayerMap:
    fields = _record(
        value,
        quantity=_text,
        axis=_word(*_AXES),
        edges=_several(_number, smallest=2, largest=_MAX_BLOCKS + 1),
        marks=_several(_mark),
        layer_count=_count,
        layers=_several(_layer, smallest=2, largest=24),
        extremes=_several(_extreme, largest=6),
    )
    names, values = zip(*fields.pop("layers"), strict=True)
    if any(len(one) != len(fields["edges"]) - 1 for one in values):
        _refuse("a layer has a value for each block")
    return LayerMap(layers=names, values=values, **fields)


def _layer(value: Any) -> tuple[str, tuple[float | None, ...]]:
    values = _several(_or_null(_number), smallest=1, largest=_MAX_BLOCKS)
    fields = _record(value, layer=_text, values=values)
    return fields["layer"], fields["values"]


def _extreme(value: Any) -> LayerExtreme:
    return LayerExtreme(**_record(value, word=_text, layer=_text, steps=_span, value=_number))


def _passed(value: Any) -> Passed:
    return Passed(**_record(value, rule=_text, rule_id=_text, evidence=_several(_evidence)))


def _abstained(value: Any) -> Abstained:
    return Abstained(**_record(value, rule=_text, rule_id=_text, reason=_text, needs=_text))


def _broken(value: Any) -> BrokenRule:
    return BrokenRule(**_record(value, rule=_text, rule_id=_text, error=_text))


def _record(value: Any, /, **readers: _Reader[Any]) -> dict[str, Any]:
    """Read a mapping that has these keys and no others."""
    if not isinstance(value, dict):
        _refuse("a mapping is expected")
    if value.keys() != readers.keys():
        _refuse(f"a mapping of {', '.join(readers)} is expected")
    return {name: reader(value[name]) for name, reader in readers.items()}


def _several(
    reader: _Reader[_Value], smallest: int = 0, largest: float = float("inf")
) -> _Reader[tuple[_Value, ...]]:
    def read(value: Any) -> tuple[_Value, ...]:
        if not isinstance(value, list) or not smallest <= len(value) <= largest:
            _refuse("a list of another length is expected")
        return tuple(map(reader, value))

    return read


def _or_null(reader: _Reader[_Value]) -> _Reader[_Value | None]:
    return lambda value: None if value is None else reader(value)


def _word(*allowed: str) -> _Reader[str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            _refuse(f"one of {', '.join(allowed)} is expected")
        return value

    return read


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _refuse("a text is expected")


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse("true or false is expected")


def _setting(value: Any) -> float | str | bool:
    return value if isinstance(value, str | bool) else _number(value)


def _number(value: Any) -> float:
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse("a number is expected")
    try:
        return float(value)
    except OverflowError:
        return _refuse("a number of this world is expected")


def _share(value: Any) -> float:
    share = value if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
    return float(share) if 0 <= share <= 1 else _refuse("a number from 0 to 1 is expected")


def _count(value: Any) -> int:
    count = _number(value)
    if isinstance(value, str) or count < 2 or count != count // 1:
        _refuse("a whole number from 2 on is expected")
    return int(count)


def _span(value: Any) -> tuple[float, float]:
    first, last = _several(_number, smallest=2, largest=2)(value)
    return first, last


def _refuse(expected: str) -> NoReturn:
    raise DiagnosisFormatError(f"It is not a diagnosis of tuneguard: {expected}.")


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"a number is expected, not {name}")
