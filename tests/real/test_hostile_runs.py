"""A run whose every text is an attack, from its recording to the pages that show its review."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from tests.real.harness.command import tuneguard
from tests.real.harness.reviewed import without_chatter
from tuneguard.spool.manifest import Manifest, Part

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from playwright.sync_api import Page

    from tests.real.harness.browser import Witness

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
PICTURE = '"><svg xmlns="http://www.w3.org/2000/svg" onload="alert(3)"><script>alert(4)</script>'
LINK = "[click](javascript:alert(5)) ![x](http://evil.invalid/x.png) `</code>` | # `"
ESCAPES = "\x1b[31mred\x1b]0;title\x07\x1b[2J\r\nError: forged\u202e"
LONG = "n" * 10_000
LAYERS = (MARKUP, ESCAPES.replace(".", ""), "/" + "n" * 10_000)
PLANTED = {
    "tuneguard/report.html": "<h1>planted</h1><script>alert(6)</script>",
    "tuneguard/diagnosis.json": json.dumps({"verdict": MARKUP, "findings": [PICTURE] * 9}),
    "tuneguard/evidence/overfitting.svg": PICTURE,
}


@dataclass(frozen=True)
class Attack:
    """A hostile run, and what came of diagnosing it."""

    run_id: str
    link: str
    command: CompletedProcess[str]
    scratch: Path


@pytest.fixture(scope="session")
def attack(server: str, tmp_path_factory: pytest.TempPathFactory) -> Attack:
    """Record, spoil and diagnose an overfitting run."""
    from tests.real.harness.trainings import train

    scratch = tmp_path_factory.mktemp("hostile") / "in" / "here"
    scratch.mkdir(parents=True)
    environment = without_chatter(scratch / "spool") | {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        run_id = train("overfitting", server, f"hostile {MARKUP}", LAYERS)
        _spoil(MlflowClient(server), run_id)
        command = tuneguard("diagnose", run_id, "--tracking-uri", server, folder=scratch)
    link = command.stderr.partition(" written: ")[2].partition("\n")[0]
    return Attack(run_id, link, command, scratch)


def _spoil(client: MlflowClient, run_id: str) -> None:
    client.update_run(run_id, name=MARKUP + ESCAPES)
    params = {"optimizer": MARKUP, "lr": ESCAPES, "batch_size": LINK, "dropout": LONG[:6000]}
    client.log_batch(run_id, params=[Param(name, value) for name, value in params.items()])
    client.set_tag(run_id, "mlflow.note.content", f"mine {MARKUP}<!-- tuneguard:end --> ours")
    client.set_tag(run_id, "tuneguard.findings", LINK)
    client.set_tag(run_id, "tuneguard.overfitting", MARKUP)
    for path, text in PLANTED.items():
        client.log_text(run_id, text, path)


def beside(scratch: Path) -> set[Path]:
    """Return what lies in the two folders above `scratch`, and is not on the way to it."""
    above = (scratch.parent, scratch.parent.parent)
    return {one for folder in above for one in folder.iterdir()} - {scratch, scratch.parent}


def test_the_terminal_gets_plain_text(attack: Attack) -> None:
    printed = attack.command.stdout + attack.command.stderr
    assert attack.command.returncode == 1, printed
    assert not {one for one in printed if not one.isprintable()} - {"\n"}
    assert not [line for line in printed.splitlines() if line.startswith("Error: forged")]
    assert "Overfitting" in printed


def test_what_was_planted_is_replaced(server: str, attack: Attack, tmp_path: Path) -> None:
    client = MlflowClient(server)
    folder = Path(client.download_artifacts(attack.run_id, "tuneguard", str(tmp_path)))
    kept = {path: (folder.parent / path).read_text(encoding="utf-8") for path in PLANTED}
    assert not [path for path, planted in PLANTED.items() if kept[path] == planted]
    assert "planted" not in kept["tuneguard/report.html"]
    assert "<script" not in kept["tuneguard/evidence/overfitting.svg"]
    assert json.loads(kept["tuneguard/diagnosis.json"])["verdict"] == "warning"


def test_no_file_is_left_outside_of_the_folder(attack: Attack) -> None:
    assert beside(attack.scratch) == set()


def test_nothing_runs_in_the_pages(
    server: str, attack: Attack, page: Page, witness: Witness
) -> None:
    from tests.real.harness.browser import keep_screenshot
    from tests.real.harness.judging import open_finding
    from tests.real.harness.pages import (
        description,
        open_artifact,
        open_tab,
        shown_document,
        unfold_description,
    )

    page.goto(attack.link)
    description(page).wait_for()
    unfold_description(page)
    page.get_by_text("Overfitting since step").first.wait_for()
    keep_screenshot(page, "hostile-run")
    open_artifact(page, "tuneguard", "report.html")
    report = shown_document(page)
    report.get_by_role("heading", level=1).wait_for()
    assert report.locator("script:text('alert')").count() == 0
    keep_screenshot(page, "hostile-report")
    open_tab(page, "Traces")
    open_finding(page, "Overfitting")
    keep_screenshot(page, "hostile-trace")
    assert witness.dialogs == []
    assert witness.hosts == {urlsplit(server).netloc}


@pytest.mark.parametrize(
    "planted",
    [
        Manifest("../../../../escaped", (Part("part-00001.parquet", 1, 1, "0" * 64),)),
        Manifest("planted", (Part("../../../escaped.parquet", 1, 1, "0" * 64),)),
    ],
    ids=["by-its-recorder", "by-its-part"],
)
def test_a_planted_record_leads_to_no_other_folder(
    server: str, experiment: str, tmp_path: Path, planted: Manifest
) -> None:
    client = MlflowClient(server)
    run_id = client.create_run(experiment).info.run_id
    client.log_batch(run_id, [Metric("train_loss", 1.0 / (i + 1), i, i) for i in range(60)])
    client.set_terminated(run_id)
    text = planted.to_json()
    client.log_text(run_id, text, "tuneguard/record/planted/manifest.json")
    scratch = tmp_path / "in" / "here"
    scratch.mkdir(parents=True)
    done = tuneguard(
        *("diagnose", run_id, "--tracking-uri", server),
        folder=scratch,
        environment={"TMPDIR": str(scratch), "HOME": str(scratch)},
    )
    assert done.returncode in {0, 2}, done.stderr
    assert "Traceback" not in done.stderr
    assert beside(scratch) == set()
    assert list(scratch.rglob("*escaped*")) == []
