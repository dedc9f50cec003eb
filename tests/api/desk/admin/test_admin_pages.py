"""Administration: one's own organisation, or all for the operator; a double click does nothing twice.

In a real browser too, signing in without a key and the import of a file.
"""

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from sqlalchemy import func, select

from api.desk.frame.layout import CODE_WORDS
from db.core.engine import transaction
from db.persons import AccountKey, note_sign_in
from db.schema.supplier_tables import api_keys, organisations
from tests.api.admin.test_networks import TABLE
from tests.api.desk.steps import FORM, Browser, heading, send_file, sign_in_as
from tests.api.desk.window import Windows, appears, hit, refused, sign_in, text_of, waiting
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client, put_record
from tests.conftest import ROOT
from tests.oidc_provider import connect, make_person


@pytest.fixture
async def boss(served: Client) -> Member:
    """An administrator of one organisation."""
    return await member(served, "match", "read", "admin")


@pytest.fixture
async def hers(browser: Browser, boss: Member) -> Browser:
    """The browser, signed in as that administrator."""
    await sign_in_as(browser, boss)
    return browser


async def post_twice(browser: Browser, form: str, **typed: Any) -> list[str]:
    """What a double click sends; the two pages."""
    fields = {**browser.fields(form), **typed}
    answers = [await browser.post(f"/{form}", content=urlencode(fields, doseq=True), headers=FORM) for _ in range(2)]
    assert [answer.is_error for answer in answers] == [False, False]
    return [answer.text for answer in answers]


async def test_a_key_is_made_once_with_its_secret_which_works_and_is_shown_no_more(
    served: Client, hers: Browser
) -> None:
    await hers.open("/admin/cles")
    name = f"Portail {uuid4().hex}"
    pages = await post_twice(
        hers, "admin/cles", nom=name, portee=["match", "read"], quota="1 200", echeance="2099-12-31"
    )
    secrets = {found[1] for page in pages if (found := re.search(r">(viv_[0-9a-f]{20,})</textarea>", page))}
    async with transaction(served.services.database) as connection:
        query = select(func.count()).select_from(api_keys).where(api_keys.c.name == name)
        assert (len(secrets), (await connection.execute(query)).scalar_one()) == (1, 1)
    answer = await served.get("/suppliers", headers={"Authorization": f"Bearer {secrets.pop()}"})
    assert (answer.status_code, answer.headers["ratelimit-policy"]) == (200, '"minute";q=1200;w=60')
    await hers.open("/admin/cles")
    assert name in hers.page
    assert not re.search(r"viv_[0-9a-f]{20}", hers.page)


async def test_wrong_fields_of_a_key_are_named_and_all_stays_as_typed(hers: Browser) -> None:
    await hers.open("/admin/cles")
    unreadable: dict[str, Any] = {"nom": "", "portee": [], "echeance": "bientôt", "quota": "beaucoup"}
    for wrong in (unreadable, {"echeance": "2020-01-01"}, {"organisation": str(uuid4())}):
        typed = {"nom": "Portail", "portee": ["match"], "echeance": "", "quota": "", "organisation": "", **wrong}
        assert (await hers.submit("admin/cles", typed)).status_code == 422
        assert [field for field in wrong if f'href="#{field}"' not in hers.page] == []
        assert hers.fields("admin/cles").get("portee", []) == typed["portee"]


async def test_a_key_is_revoked_after_a_page_that_says_what_ends(served: Client, hers: Browser, boss: Member) -> None:
    other = await member(served, "match", organisation=boss.key.organisation)
    await hers.open(f"/admin/cles/{other.key.id}")
    assert "Cette action est définitive" in unescape(hers.page)
    (path,) = re.findall(r'href="[./]*(admin/cles\?[^"]+)#nouvelle"', hers.page)
    await hers.submit(f"admin/cles/{other.key.id}")
    assert "La clé est révoquée" in hers.page
    assert (await other.get("/meetings")).status_code == 401
    await hers.open(f"/admin/cles/{other.key.id}")
    assert "Révoquée" in hers.page
    assert '<button type="submit">Révoquer' not in hers.page
    await hers.open(f"/{unescape(path)}")
    fields = hers.fields("admin/cles")
    assert (fields["nom"], fields["portee"]) == ([other.key.name], ["match"]), "a key like it begins with its rights"
    assert 'value="platform"' not in hers.page
    assert (await hers.submit("admin/cles", nom="Trop", portee="platform")).status_code == 403


async def test_a_change_of_somebody_else_meanwhile_is_shown_and_not_overwritten(hers: Browser, boss: Member) -> None:
    path, name = f"admin/organisations/{boss.organisation_id}", f"Ville {uuid4().hex}"
    await hers.open(f"/{path}")
    assert (await boss.patch(f"/organisations/{boss.organisation_id}", {"name": f"{name} 1"})).is_success
    assert (await hers.submit(path, nom=f"{name} 2")).status_code == 412
    assert heading(hers.page) == f"{name} 1"
    assert hers.fields(path)["nom"] == [f"{name} 2"]
    await hers.submit(path)
    assert (await boss.get(f"/organisations/{boss.organisation_id}")).json()["name"] == f"{name} 2"


async def test_the_operator_adds_an_organisation_once(served: Client, own: Browser) -> None:
    await own.open("/admin")
    name = f"Hôpital {uuid4().hex}"
    await post_twice(own, "admin", nom=name)
    async with transaction(served.services.database) as connection:
        query = select(func.count()).select_from(organisations).where(organisations.c.name == name)
        assert (await connection.execute(query)).scalar_one() == 1
    await own.open("/admin")
    assert (await own.submit("admin", nom=f"{name} bis", siret="12345678900000")).status_code == 422
    assert 'href="#siret"' in own.page
    assert (await own.submit("admin", nom=name, siret="")).status_code == 409


async def test_people_are_signed_out_and_forgotten_by_their_own_administrator(
    served: Client, browser: Browser, boss: Member
) -> None:
    now = served.services.now()
    async with transaction(served.services.database) as connection:
        key = AccountKey(boss.organisation_id, "https://connexion.example", uuid4().hex)
        person = await note_sign_in(connection, key, "Anne Le Goff", None, now)
    await sign_in_as(browser, await member(served, "admin"))
    await browser.open("/admin/personnes")
    assert "Le Goff" not in browser.page
    assert (await browser.get(f"/admin/personnes/{person}")).status_code == 404
    async with Browser(served.app) as own:
        await sign_in_as(own, boss)
        await own.open("/admin/personnes")
        assert "Anne Le Goff" in own.page
        await own.open(f"/admin/personnes/{person}")
        await own.submit(f"admin/personnes/{person}", faire="deconnecter")
        assert "Anne Le Goff" in own.page
        await own.open(f"/admin/personnes/{person}")
        await own.submit(f"admin/personnes/{person}", faire="oublier")
        assert "Le Goff" not in own.page
        assert (await own.get(f"/admin/personnes/{person}")).status_code == 404
    entries = (await boss.get(f"/audit?object=person:{person}")).json()["items"]
    assert [each["action"] for each in entries] == ["person.signed_out", "person.erased"]


async def test_the_journal_says_who_did_what_and_leads_there(served: Client, browser: Browser, boss: Member) -> None:
    """The latest first; needs by their titles for those alone who may see them."""
    buyer = await member(served, "needs", "admin", organisation=boss.key.organisation)
    wanted = {"territory": {"codes": ["departement:56"]}, "lots": [{"id": "1", "keywords": ["tonte"]}]}
    stored = await buyer.post("/needs", {"title": "Entretien des parcs", **wanted})
    need_id = stored.json()["need"]["id"]
    assert (await buyer.post("/keys", {"name": "Portail", "scopes": ["needs"]})).is_success
    await sign_in_as(browser, buyer)
    await browser.open("/admin/journal")
    deeds = unescape(browser.page.partition('<ol class="journal">')[2])
    assert 0 < deeds.index("Clé créée") < deeds.index("Besoin enregistré")
    assert f'besoins/{need_id}/journal">Entretien des parcs<' in deeds
    assert f"clé « {buyer.key.name} »" in deeds.replace("\N{NO-BREAK SPACE}", " ")
    async with Browser(served.app) as own:
        await sign_in_as(own, boss)
        await own.open("/admin/journal")
        assert ("Besoin enregistré" in own.page, "Entretien des parcs" in own.page) == (True, False)


async def test_nobody_reads_the_journal_of_another_organisation_but_the_operator(
    served: Client, own: Browser, boss: Member
) -> None:
    path = f"/admin/journal?organisation={boss.organisation_id}"
    made = await boss.post("/keys", {"name": "Portail", "scopes": ["match"]})
    async with Browser(served.app) as stranger:
        await sign_in_as(stranger, await member(served, "admin"))
        assert (await stranger.get(path)).status_code == 404
    await own.open(path)
    assert boss.key.organisation in own.page
    assert f"admin/cles/{made.json()['id']}" in own.page


def test_every_act_of_the_journal_has_its_words() -> None:
    written = set[str]()
    for folder in ("api", "db"):
        for file in (ROOT / folder).rglob("*.py"):
            written |= set(re.findall(r"\"(\w+\.\w+)\"", file.read_text(encoding="utf-8")))
    kinds = {action.partition(".")[0] for action in CODE_WORDS["deeds"]}
    endings = ("ed", "read", "made", "frozen")
    acts = {each for each in written if each.partition(".")[0] in kinds and each.endswith(endings)}
    assert acts <= CODE_WORDS["deeds"].keys()


FILE_WITH_A_FAULT = """external_id;name;siret;address.commune;segments
1;Les Jardins du Loch;;56178;ev-entretien
2;Atelier du Scorff;123;56178;ev-entretien
"""
ANNE = {"name": "Anne Le Goff", "email": "anne@morbihan.example", "email_verified": True}


async def test_a_person_signs_in_at_the_provider_reads_the_directory_and_signs_out(
    served: Client, source: str, windows: Windows, address: str, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = await member(served, "needs")
    name = f"Les Jardins {uuid4().hex[:8]}"
    await put_record(served, source, name=name)
    await make_person(issuer, "anne", **ANNE)
    members = (("@morbihan.example", str(organisation.organisation_id)),)
    connect(served.services, monkeypatch, issuer, address, oidc_members=members)
    await asyncio.to_thread(read, windows.open(), address, issuer, name)


def read(window: Chrome, address: str, issuer: str, name: str) -> None:
    window.get(f"{address}/annuaire?mots={name.rsplit(maxsplit=1)[-1]}")
    hit(window, "a.button")
    appears(window, "[name=sub]")
    assert window.current_url.startswith(issuer)
    window.find_element(By.CSS_SELECTOR, "[name=sub]").send_keys("anne", Keys.ENTER)
    appears(window, "#mots")
    assert window.current_url == f"{address}/annuaire?mots={name.rsplit(maxsplit=1)[-1]}"
    assert "Anne Le Goff" in text_of(window, ".leave")
    assert name in text_of(window, "tbody th")
    hit(window, ".leave button")
    waiting(window).until(lambda page: page.current_url.startswith(issuer))
    window.get(f"{address}/annuaire")
    appears(window, "#cle")
    assert refused(window) == []


async def test_an_integrator_tries_a_file_and_imports_it(
    served: Client, source: str, windows: Windows, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "fiches.csv"
    file.write_text(FILE_WITH_A_FAULT, encoding="cp1252")
    await asyncio.to_thread(import_file, windows.open(), f"{address}/sources/{source}", file)
    assert (await served.get(f"/sources/{source}")).json()["records"] == 1


def import_file(window: Chrome, address: str, file: Path) -> None:
    downloads = {"behavior": "allow", "downloadPath": str(file.parent)}
    window.execute_cdp_cmd("Browser.setDownloadBehavior", downloads)
    sign_in(window, address)
    appears(window, "#fichier").send_keys(str(file))
    hit(window, "[value=essayer]")
    appears(window, "#rejets")
    assert "siret" in text_of(window, "#resultat table")
    importing = "#resultat [value=importer]"
    waiting(window).until(lambda page: page.find_element(By.CSS_SELECTOR, importing).is_enabled())
    hit(window, "#resultat [value=corriger]")
    waiting(window).until(lambda _: list(file.parent.glob("vivier-a-corriger*.csv")))
    assert text_of(window, "#resultat tbody th") == "3"
    assert not window.find_element(By.ID, "attente").is_displayed()
    hit(window, importing)
    waiting(window).until(lambda page: "/envois/" in page.current_url and page.find_elements(By.ID, "rejets"))
    assert text_of(window, "tbody th") == "3"
    assert refused(window) == []


async def test_the_pages_take_a_table_and_show_whom_to_call(own: Browser) -> None:
    await own.open("/admin/reseaux")
    sent = await send_file(own, "admin/reseaux", "fichier", TABLE)
    assert sent.status_code == 303, sent.text
    shown = await own.get("/reseaux?lieu=departement:56&reserve=iae&")
    assert "Facilitateur du Morbihan" in shown.text
    assert "CRESS Bretagne" not in shown.text
    await own.open("/admin/reseaux")
    refused = await send_file(own, "admin/reseaux", "fichier", b"nom,territoires\nX,departement:99\n")
    assert (refused.status_code, "/items/0/territories/0" in refused.text) == (422, True)
