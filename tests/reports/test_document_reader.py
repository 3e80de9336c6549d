"""A document becomes a diagnosis again, and nothing else does."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.reports import samples
from tuneguard.diagnosis import Diagnosis
from tuneguard.exceptions import DiagnosisFormatError
from tuneguard.reports.document import load_schema, to_document, to_json
from tuneguard.reports.document_reader import from_document, from_json

Path = tuple[str | int, ...]

STRANGE: tuple[Any, ...] = (None, True, "NaN", -1.5, [])
SCHEMA = Draft202012Validator(load_schema())
# what no schema can say
LENGTHS = ("as many steps as values", "a value for each block")


def mapped() -> Diagnosis:
    return replace(samples.diverged(), layers=(samples.layer_map(),))


@pytest.mark.parametrize(
    "diagnosis",
    [mapped(), samples.healthy(), samples.inconclusive(), samples.with_text("<script>\x1b[31m")],
    ids=["diverged", "healthy", "inconclusive", "hostile"],
)
def test_what_was_written_is_read(diagnosis: Diagnosis) -> None:
    text = to_json(diagnosis)

    assert to_json(from_json(text)) == text


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    """Yield where something can be changed, the first of a list for all of them."""
    yield at
    if isinstance(value, dict):
        for key, one in value.items():
            yield from places(one, (*at, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*at, 0))


def changed(document: Any, at: Path, value: Any) -> Any:
    if not at:
        return value
    result = copy.deepcopy(document)
    holder = result
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = value
    return result


def small() -> dict[str, Any]:
    document = to_document(mapped())
    finding = document["findings"][0]
    finding["symptoms"] = finding["symptoms"][:1]
    finding["symptoms"][0] |= {"symptoms": [], "picture": None, "prescriptions": []}
    finding["prescriptions"] = finding["prescriptions"][:1]
    picture = finding["picture"]
    picture["lines"] = [{"metric": "loss", "steps": [1, 2], "values": [0.5, "NaN"]}]
    (layers,) = document["layers"]
    blocks = [{"layer": name, "values": [0.5, None]} for name in ("first", "last")]
    layers |= {"edges": [0, 1, 2], "layers": blocks, "extremes": layers["extremes"][:1]}
    few = {name: document[name][:1] for name in ("passed", "abstained", "broken", "notes")}
    return document | few | {"findings": [finding], "overview": None}


def is_read(document: Any) -> bool:
    try:
        from_document(document)
    except DiagnosisFormatError as error:
        return any(words in str(error) for words in LENGTHS)
    return True


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_it_is_read_exactly_where_it_meets_the_schema(value: Any) -> None:
    document = small()
    for at in places(document):
        strange = changed(document, at, value)
        assert is_read(strange) == SCHEMA.is_valid(strange), f"{value!r} at {at}"


def test_no_mapping_has_a_key_more_or_less() -> None:
    document = small()
    for at in places(document):
        *above, key = at or (None,)
        if not isinstance(key, str):
            continue
        short = copy.deepcopy(document)
        holder = short
        for step in above:
            holder = holder[step]
        content = holder.pop(key)
        with pytest.raises(DiagnosisFormatError):
            from_document(short)
        holder |= {key: content, "odd": 1}
        with pytest.raises(DiagnosisFormatError):
            from_document(short)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        '{"schema_version": NaN}',
        b"\xff\xfe",
        to_json(samples.healthy()).replace('"1"', '"2"', 1),
        to_json(mapped()).replace("0.9", "1" + "0" * 400, 1),
    ],
    ids=["empty", "deep", "constant", "encoding", "version", "huge"],
)
def test_other_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(DiagnosisFormatError):
        from_json(text)


def test_a_chain_of_symptoms_without_end_is_refused() -> None:
    document = small()
    finding = document["findings"][0] | {"picture": None, "prescriptions": [], "symptoms": []}
    head, tail = json.dumps(finding).split('"symptoms": []')
    head += '"symptoms": '
    chain = f"{head}[" * 3000 + json.dumps(finding) + f"]{tail}" * 3000
    text = json.dumps(document | {"findings": []}).replace(
        '"findings": []', f'"findings": [{chain}]'
    )

    with pytest.raises(DiagnosisFormatError):
        from_json(text)
