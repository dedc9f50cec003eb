"""A supplier without a link: by the code of a letter, or by its SIRET, to the address on file and to no other."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from api.declarations.declare import TYPED_CODES
from api.exchanges.link_by_siret import LINKS_BY_SIRET
from api.people_settings import mail_server
from api.runtime.rate_limits import Limits
from db.core.engine import transaction
from db.schema.campaign_tables import declaration_links, declaration_mails
from tests.api.conftest import take_all
from tests.api.exchanges.steps import BROWSER, keyless
from tests.api.sync.factories import Client, put_record

SIRETS = ("55208131766522", "55208131766530", "55208131766548", "55208131766555", "55208131766563", "55208131766571")
UNKNOWN = "39860733300059"


@pytest.fixture(autouse=True)
def with_mail(served: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server is set, which nothing is given to."""
    settings = replace(
        served.services.settings,
        smtp=mail_server("smtp://127.0.0.1:1"),
        mail_from="vivier@example.org",
        public_url="https://vivier.example.org",
    )
    monkeypatch.setattr(served.services, "settings", settings)


async def ask(client: Client, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
    return await keyless(client, "POST", "/fiche", headers=BROWSER | (headers or {}), data=form)


async def mails_to(client: Client, supplier_id: str) -> list[str]:
    """The addresses of the e-mails queued with links to a supplier's page, once all that was asked is looked up."""
    await client.services.asked_sirets.join()
    query = select(declaration_mails.c.address).join(
        declaration_links, declaration_links.c.id == declaration_mails.c.link_id
    )
    async with transaction(client.services.database) as connection:
        return list((await connection.execute(query.where(declaration_links.c.supplier_id == supplier_id))).scalars())


async def supplier(client: Client, source: str, **fields: Any) -> str:
    stored = await put_record(client, source, "1", **({"name": f"ESAT {source}"} | fields))
    return str(stored["supplier_id"])


async def test_a_known_siret_and_an_unknown_one_are_answered_alike(served: Client, source: str) -> None:
    reached = await supplier(served, source, siret=SIRETS[0], contact={"email": "esat@example.org"})
    silent = await supplier(served, f"{source}-2", siret=SIRETS[1], contact={"phone": "02 97 00 00 00"})
    told = []
    for siret in (SIRETS[0], SIRETS[1], UNKNOWN):
        answer = await ask(served, siret=siret)
        told.append((answer.status_code, answer.content, {**answer.headers, "x-request-id": ""}))
    assert told[0] == told[1] == told[2]
    assert (told[0][0], told[0][2]["location"]) == (303, "fiche?fait=demande")
    assert (await mails_to(served, reached), await mails_to(served, silent)) == (["esat@example.org"], [])


async def test_a_supplier_is_sent_one_link_a_day_and_none_for_another_site(served: Client, source: str) -> None:
    reached = await supplier(served, source, siret=SIRETS[2], contact={"email": "esat@example.org"})
    forged = await ask(served, {"sec-fetch-site": "cross-site"}, siret=SIRETS[2])
    assert (forged.status_code, await mails_to(served, reached)) == (303, [])
    for _ in range(3):
        await ask(served, siret=SIRETS[2])
    assert await mails_to(served, reached) == ["esat@example.org"]


async def test_links_by_siret_are_within_the_e_mails_of_a_day(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = await supplier(served, source, siret=SIRETS[5], contact={"email": "esat@example.org"})
    monkeypatch.setattr(type(served.services.settings), "emails_per_day", 0)
    assert (await ask(served, siret=SIRETS[5])).status_code == 303
    assert await mails_to(served, reached) == []


async def test_an_address_that_came_by_a_revoked_link_is_sent_none(served: Client, source: str) -> None:
    spoken_for = await supplier(served, source, siret=SIRETS[3], contact=None)
    link = (await served.post(f"/suppliers/{spoken_for}/links", json={})).json()
    said = {"contact": {"email": "rival@example.org"}}
    assert (await keyless(served, "PUT", httpx.URL(link["url"]).path, json=said)).status_code == 200
    assert (await served.delete(f"/suppliers/{spoken_for}/links/{link['id']}")).status_code == 204
    await ask(served, siret=SIRETS[3])
    assert await mails_to(served, spoken_for) == []


async def test_the_address_of_the_directory_hears_of_a_link_whatever_was_declared(served: Client, source: str) -> None:
    spoken_for = await supplier(served, source, siret=SIRETS[4], contact={"email": "esat@example.org"})
    link = (await served.post(f"/suppliers/{spoken_for}/links", json={})).json()
    said = {"contact": {"email": "rival@example.org"}}
    assert (await keyless(served, "PUT", httpx.URL(link["url"]).path, json=said)).status_code == 200
    await ask(served, siret=SIRETS[4])
    assert set(await mails_to(served, spoken_for)) == {"esat@example.org", "rival@example.org"}


async def test_an_address_asks_for_some_links_an_hour(served: Client, limits: Limits) -> None:
    take_all(limits, LINKS_BY_SIRET, but=1)
    assert (await ask(served, siret=UNKNOWN)).status_code == 303
    refused = await ask(served, siret=UNKNOWN)
    assert (refused.status_code, "retry-after" in refused.headers) == (429, True)


async def test_what_is_no_siret_and_no_code_is_told_on_the_page(served: Client) -> None:
    forms: tuple[dict[str, str], ...] = ({"siret": "123"}, {"code": "ABC"}, {})
    for form in forms:
        answer = await ask(served, None, **form)
        assert answer.status_code == 422
        assert 'class="mistake"' in answer.text


async def test_a_code_opens_the_page_however_it_is_typed(served: Client, source: str, limits: Limits) -> None:
    reached = await supplier(served, source)
    code = (await served.post(f"/suppliers/{reached}/links", json={})).json()["code"]
    opened = await ask(served, code=f" {code[:5].lower()} {code[5:]} ")
    assert opened.status_code == 303
    page = await keyless(served, "GET", f"/{opened.headers['location']}", headers=BROWSER)
    assert f"ESAT {source}" in page.text
    other = code[::-1] if code != code[::-1] else "2345678923"
    assert (await ask(served, code=other)).status_code == 422
    take_all(limits, TYPED_CODES, but=1)
    assert (await ask(served, code=other)).status_code == 429
