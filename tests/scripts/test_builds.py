"""The site that is built of the guides holds every guide, the API and its examples, and needs no other host."""

import re
from pathlib import Path

import pytest

from scripts.build_docs import ROOT, build

LOADED = r'<(?:script|img|iframe)[^>]+src="?https?:|<link[^>]+stylesheet[^>]+https?:'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("docs"))


def test_every_guide_is_a_page(site: Path) -> None:
    """Links between them are checked by the build, which stops at a dead one."""
    wanted = {page.stem for page in (ROOT / "docs").glob("*.md")} | {"examples", "sources"}
    assert wanted <= {page.stem for page in site.glob("*.html")}


def test_the_api_is_described_without_a_request(site: Path) -> None:
    """A page opened from a folder may not fetch files."""
    assert (site / "api" / "openapi.js").read_text().startswith('window.openapi = {"openapi": "3.1.0"')
    scripts = re.findall(r'<script src="([^"]+)"', (site / "api" / "index.html").read_text())
    assert all((site / "api" / script).is_file() for script in scripts)
    assert len(scripts) == 3


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    """Neither scripts and styles nor images."""
    assert [page.name for page in site.rglob("*.html") if re.search(LOADED, page.read_text())] == []
