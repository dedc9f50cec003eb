"""The site and the client that are built of the guides and of the committed document.

The site holds every guide, the API and its examples, and needs no other host; the Python client speaks to the API.
"""

import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from api.app import create_app
from api.settings import read_settings
from scripts.build_client import generate
from scripts.build_docs import ROOT, build
from tests.api.conftest import ADMIN_KEY
from tests.factories import RENNES, approved, live, reference, supplier

NEED = {"territory": {"codes": ["departement:35"]}, "lots": [{"id": "1", "segments": ["pr-locaux"]}]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The package `vivier_client` in a folder of its own, and all that its generator had to say."""
    folder = tmp_path_factory.mktemp("client")
    return folder, generate(folder / "vivier_client")


def test_nothing_of_the_document_is_left_out(made: tuple[Path, str]) -> None:
    """The generator warns of each operation or type that it cannot read."""
    assert made[1].split() == ["Generating", str(made[0] / "vivier_client")]


async def test_matches_and_reads_refusals(made: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A need in, a typed shortlist out; a refusal is typed as well."""
    monkeypatch.syspath_prepend(made[0])
    package: Any = import_module("vivier_client")
    models: Any = import_module("vivier_client.models")
    match_need: Any = import_module("vivier_client.api.match.match_need")
    app = create_app(read_settings({"VIVIER_ADMIN_KEY": ADMIN_KEY}), reference(), parts=())
    index = live(supplier("rennais", at=RENNES, approvals=approved("ESAT")))
    app.state.services.live = SimpleNamespace(index=index, index_for=lambda _: index)
    api = package.AuthenticatedClient(base_url="http://vivier", token=ADMIN_KEY)
    async with AsyncTestClient(app) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        api.set_async_httpx_client(client)
        answer = await match_need.asyncio(client=api, body=models.Need.from_dict(NEED))
        nowhere = models.Need.from_dict({**NEED, "territory": {"codes": ["departement:99"]}})
        refused = await match_need.asyncio(client=api, body=nowhere)
    (lot,) = answer.lots
    assert lot.tension.level is models.TensionLevel.CRITICAL
    assert [candidate.supplier.name for candidate in lot.candidates] == ["rennais"]
    assert refused.errors[0].pointer == "/territory/codes/0"


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
