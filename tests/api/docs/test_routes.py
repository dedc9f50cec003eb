"""The documentation page works without internet access; the guides are served where they were built."""

import re
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.docs.routes import ASSETS, GUIDES_POLICY, guides_route

OURS = ("docs.html", "docs.js")


async def test_the_page_and_all_it_loads_are_here(client: AsyncTestClient[Any]) -> None:
    """Every file that the page names is served by us, as its type.

    What the vendored script might fetch elsewhere, the policy of the page forbids; the validator is off.
    """
    page = await client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert not re.search(r"http|\*", policy)
    assert "validatorUrl: null" in (await client.get("/docs/assets/docs.js")).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert "docs/assets/swagger-ui-bundle.js" in loaded
    for address in loaded:
        if not address.startswith("data:"):
            answer = await client.get(f"/{address}")
            assert (answer.status_code, len(answer.content) > 100) == (200, True)


def test_the_files_load_nothing_from_another_host() -> None:
    """Ours name none, not even one without a scheme; images of the style sheet are in itself. Licences are there."""
    for name in OURS:
        assert not re.search(r"https?:|[\"'(]//", (ASSETS / name).read_text(encoding="utf-8"))
    style = (ASSETS / "swagger-ui.css").read_text(encoding="utf-8")
    assert all(target.startswith("data:") for target in re.findall(r"url\(\s*[\"']?([^\"')\s]{5})", style))
    assert "@import" not in style
    assert "Apache License" in (ASSETS / "swagger-ui.LICENSE.txt").read_text(encoding="utf-8")
    assert "SmartBear" in (ASSETS / "swagger-ui.NOTICE.txt").read_text(encoding="utf-8")


async def test_only_the_pages_own_files_are_served_and_they_are_cached(client: AsyncTestClient[Any]) -> None:
    """No way out of the folder; the big script is fetched once."""
    for name in ("nothing.js", "swagger-ui.LICENSE.txt", "%2e%2e%2fapp.py", "docs.js%00", "docs"):
        assert (await client.get(f"/docs/assets/{name}")).status_code == 404
    first = await client.get("/docs/assets/swagger-ui-bundle.js")
    again = await client.get("/docs/assets/swagger-ui-bundle.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


async def test_the_root_says_what_this_is_and_leads_browsers_to_sign_in(client: AsyncTestClient[Any]) -> None:
    answer = await client.get("/")
    service = answer.json()
    assert set(service) == {"name", "version", "docs", "openapi"}
    assert service["name"] == "Vivier"
    for address in (service["docs"], service["openapi"]):
        assert (await client.get(address)).status_code == 200
    accept = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    led = await client.get("/", headers=accept, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, "connexion")
    assert all("accept" in each.headers["vary"] for each in (answer, led))
    page = await client.get("/", headers=accept, follow_redirects=True)
    assert page.headers["content-type"] == "text/html; charset=utf-8"


async def test_pages_and_only_pages_are_served(tmp_path: Path) -> None:
    """By the first folder that holds a site; a path that climbs out of it is not found; without one nothing is."""
    assert guides_route([tmp_path]) == ()
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<h1>Vivier</h1>")
    (tmp_path / "secret.txt").write_text("not of the site")
    async with AsyncTestClient(Litestar([*guides_route([tmp_path / "nowhere", site])])) as client:
        page = await client.get("/guides")
        assert page.text == "<h1>Vivier</h1>"
        assert page.headers["content-security-policy"] == GUIDES_POLICY
        for path in ("%2e%2e/secret.txt", "..%2fsecret.txt", "secret.txt"):
            assert (await client.get(f"/guides/{path}")).status_code == 404
