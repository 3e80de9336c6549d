from __future__ import annotations

import json
import re

import jsonschema
import pytest

from tuneguard.reports.document import SCHEMA_VERSION, load_schema, to_document, to_json
from tuneguard.reports.table import COLUMNS, findings_table


def reject(constant: str) -> None:
    raise AssertionError(f"{constant} is not strict JSON")


def strict(text: str):
    return json.loads(text, parse_constant=reject)


def test_the_schema_is_a_schema():
    schema = load_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema_version"]["const"] == SCHEMA_VERSION


def test_every_document_meets_the_schema(diagnosis):
    document = strict(to_json(diagnosis))
    jsonschema.validate(document, load_schema())
    assert document == to_document(diagnosis)


def test_hostile_texts_survive_unchanged_in_plain_ascii(samples, hostile):
    text = to_json(samples.with_text(hostile))
    document = strict(text)
    jsonschema.validate(document, load_schema())
    assert re.fullmatch(r"[\x20-\x7e\n]*", text)
    assert document["run"]["name"] == hostile
    assert document["findings"][0]["symptoms"][0]["summary"] == hostile


@pytest.mark.parametrize("missing", ["schema_version", "verdict", "run", "findings", "abstained"])
def test_the_schema_misses_what_is_missing(samples, missing):
    document = to_document(samples.diverged())
    del document[missing]
    with pytest.raises(jsonschema.ValidationError, match=missing):
        jsonschema.validate(document, load_schema())


def test_numbers_that_are_not_finite_are_spelled_out(samples):
    document = to_document(samples.diverged())
    cause = document["findings"][0]
    lost = cause["symptoms"][0]["symptoms"][0]["evidence"][0]
    assert (lost["value"], lost["threshold"]) == ("NaN", "Infinity")
    assert {"NaN", "Infinity"} <= set(map(str, cause["picture"]["lines"][0]["values"]))


def test_whole_steps_are_integers(samples):
    cause = to_document(samples.diverged())["findings"][0]
    steps = [*cause["evidence"][0]["steps"], cause["first_step"], *cause["picture"]["span"]]
    assert [type(step) for step in steps] == [int] * 5


def test_the_table_has_a_row_for_each_finding_in_order(samples):
    diagnosis = samples.diverged()
    table = strict(findings_table(diagnosis))
    assert table["columns"] == list(COLUMNS)
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [row["rule"] for row in rows] == [one.rule for one in diagnosis.all_findings()]
    assert [row["explained_by"] for row in rows] == [
        "",
        "learning-rate-too-high",
        "divergence",
        "",
    ]


def test_the_table_is_made_of_plain_texts(samples, hostile):
    table = strict(findings_table(samples.with_text(hostile)))
    assert len(table["data"]) == 2
    assert all(type(cell) is str for row in table["data"] for cell in row)
    assert not any("\x1b" in cell or "\n" in cell for row in table["data"] for cell in row)


def test_the_table_of_a_healthy_run_is_empty(samples):
    assert strict(findings_table(samples.healthy()))["data"] == []
