"""The documentation as a site: built strictly, with nothing fetched from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tuneguard

ROOT = Path(__file__).parent.parent
FETCHED = re.compile(
    r"<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)=\"?((?:https?:)?//[^\s\">]+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_every_page_is_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")]

    places = {page.with_suffix("").as_posix().removesuffix("index").strip("/") for page in pages}
    assert {place for place in places if f'href="{place}/"' not in home} == {""}


@pytest.mark.slow
def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))

    fetched = [found for page in pages for found in FETCHED.findall(page.read_text("utf-8"))]
    assert len(pages) > 80
    assert fetched == []


@pytest.mark.slow
def test_every_public_name_has_its_docstring(site: Path) -> None:
    page = (site / "reference" / "api" / "index.html").read_text(encoding="utf-8")

    names = {f"tuneguard.{name}" for name in tuneguard.__all__} - {"tuneguard.__version__"}
    assert {name for name in names if f'id="{name}"' not in page} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("how-to/get-alerts", "../../examples/07_alert_on_findings/"),
        ("reference/diagnosis-json", "../../tuneguard/reports/diagnosis.schema.json"),
    ],
)
def test_a_link_that_leaves_the_docs_leads_to_a_copy(site: Path, page: str, place: str) -> None:
    folder = site / page

    assert f'href="{place}"' in (folder / "index.html").read_text(encoding="utf-8")
    assert (folder / place).resolve().exists()
