"""The guides are served where they were built, and nothing beside them."""

from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.docs.guides import POLICY, guides


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<h1>Vivier</h1>")
    (tmp_path / "secret.txt").write_text("not of the site")
    return folder


async def test_pages_and_only_pages_are_served(site: Path, tmp_path: Path) -> None:
    """By the first folder that holds a site; a path that climbs out of it is not found."""
    async with AsyncTestClient(Litestar([*guides([tmp_path / "nowhere", site])])) as client:
        page = await client.get("/guides")
        assert page.text == "<h1>Vivier</h1>"
        assert page.headers["content-security-policy"] == POLICY
        for path in ("%2e%2e/secret.txt", "..%2fsecret.txt", "secret.txt"):
            assert (await client.get(f"/guides/{path}")).status_code == 404


def test_without_a_site_there_is_no_route(tmp_path: Path) -> None:
    assert guides([tmp_path]) == ()
