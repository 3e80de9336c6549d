"""Whatever a run is called and holds, its review is text and lands where reviews land."""

from __future__ import annotations

import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric

from tuneguard import keys
from tuneguard.diagnosis import Diagnosis, diagnose
from tuneguard.history import RunHistory, RunIdentity, Series
from tuneguard.reports.description import render_description
from tuneguard.reports.document import load_schema
from tuneguard.reports.html import render_html
from tuneguard.reports.markdown import render_markdown
from tuneguard.reports.text import render_text
from tuneguard.reviewing import publish_review
from tuneguard.storage.reader import load_run

STEPS = np.arange(200)
HOSTILE = {
    "html": "</title><script>alert(1)</script><img src=x onerror=alert(1)>",
    "markdown": "\n# Healthy\n[well](javascript:alert(1)) ![x](http://evil.example/x) <!-- -->",
    "svg": "</text></svg><svg onload=alert(1)><use href='data:image/svg+xml,x'/>",
    "ansi": "\x1b[2J\x1b[1;32mHEALTHY\x1b[0m\r\n\x9b0m\u202e",
    "traversal": "../../../../x",
    "inner traversal": "a/../../b",
    "long": "x" * 10_000,
}
PLANTED = "<script>planted()</script>"


def diverged(name: str) -> RunHistory:
    """A run that ends in NaN, with `name` wherever a run can put a name."""
    loss = np.where(STEPS < 120, 3.0 - STEPS / 60, np.nan)
    norms = {
        f"gradient_norm/{name}{rank}": Series.from_arrays(name, STEPS, np.geomspace(1, 9, 200))
        for rank in range(3)
    }
    return RunHistory.from_series(
        {f"{name} loss": Series.from_arrays(f"{name} loss", STEPS, loss), **norms},
        params={name: name, "learning_rate": name},
        roles={"train_loss": f"{name} loss"},
        axis="step",
        notes=(name,),
        identity=RunIdentity(name=name, tracking_uri=name),
    )


@pytest.fixture(scope="module", params=HOSTILE.values(), ids=HOSTILE.keys())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def diagnosis(name: str) -> Diagnosis:
    found = diagnose(diverged(name))
    assert found.verdict == "critical"
    assert name in found.findings[0].evidence[0].metric
    assert any(name in one.layer for one in found.layers[0].extremes)
    return found


def test_the_terminal_shows_text_and_stays_in_its_place(diagnosis: Diagnosis) -> None:
    shown = render_text(diagnosis, color=False, verbose=True)
    kinds = {unicodedata.category(one) for one in shown.replace("\n", "")}
    assert not kinds & {"Cc", "Cf", "Cs"}
    assert [line for line in shown.splitlines() if line.startswith("HEALTHY")] == []


def test_markdown_links_and_embeds_nothing(diagnosis: Diagnosis) -> None:
    shown = re.sub(r"`[^`]*`", "", render_markdown(diagnosis))
    assert not re.search(r"(?<!\\)\]\(|<[a-z!/]|://", shown)
    assert re.findall(r"^# .*", shown, re.MULTILINE) == [shown.splitlines()[0]]


def test_the_description_fits_and_keeps_its_markers(diagnosis: Diagnosis) -> None:
    block = render_description(diagnosis, None)
    assert len(block) < 8000
    assert "<!--" not in block
    assert "-->" not in block
    assert not re.search(r"(?<!\\)\]\(|<[a-z!/]", re.sub(r"`[^`]*`", "", block))


class _Markup(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> tuple:
    """A run that already holds what a reader of reviews might take for one."""
    place = tmp_path_factory.mktemp("hostile")
    (place / "mlflow.db").write_bytes(empty_store.read_bytes())
    client = MlflowClient(f"sqlite:///{place}/mlflow.db")
    experiment = client.create_experiment("x", artifact_location=str(place / "artifacts"))
    run_id = client.create_run(experiment, run_name=HOSTILE["html"]).info.run_id
    client.log_batch(run_id, [Metric("loss", 1.0 / (1 + step), 0, step) for step in range(30)])
    client.log_text(run_id, PLANTED, "tuneguard/report.html")
    client.log_text(run_id, json.dumps({"verdict": PLANTED}), "tuneguard/diagnosis.json")
    client.log_text(run_id, PLANTED, "tuneguard/evidence/divergence.svg")
    client.update_run(run_id, status="FINISHED")
    return client, run_id, place


def files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def test_a_planted_review_is_not_read_and_gives_way(run: tuple) -> None:
    client, run_id, place = run
    honest = diagnose(load_run(run_id, client.tracking_uri))
    assert PLANTED not in repr(honest)
    identity = replace(honest.identity, name=HOSTILE["html"])
    names = "".join(HOSTILE[kind] for kind in ("html", "svg", "ansi", "traversal"))
    diagnosis = replace(diagnose(diverged(names)), identity=identity)
    before = files(place)

    publish_review(diagnosis)

    folder = f"artifacts/{run_id}/artifacts/{keys.ARTIFACTS}"
    rules = {finding.rule for finding in diagnosis.all_findings()}
    written = {f"{folder}/report.md", f"{folder}/findings_table.json"}
    written |= {f"{folder}/evidence/{rule}.svg" for rule in rules}
    assert files(place) - before <= written | {one for one in files(place) if "/traces/" in one}
    page = (place / folder / "report.html").read_text()
    harmless = _Markup(render_html(diagnose(diverged("name"))))
    markup = _Markup(page)
    assert "planted" not in page
    assert markup.tags <= {*harmless.tags, "wbr"}
    assert markup.attributes <= harmless.attributes
    document = json.loads((place / folder / "diagnosis.json").read_text())
    jsonschema.validate(document, load_schema())
    for picture in (place / folder / "evidence").glob("*.svg"):
        if picture.stem in rules:
            ET.fromstring(picture.read_text())
            assert "<script" not in picture.read_text()
