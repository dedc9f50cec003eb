"""People sign in without a key, through a provider: into their own organisation, and the journal names them."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from api.app import _warn_of_names
from api.desk.frame.visit import COOKIE
from api.desk.sign_in import SIGN_IN_SECONDS, _challenge, _proof, _SignInState
from api.runtime.rate_limits import SIGN_INS, Limits
from db.core.engine import transaction
from db.schema.person_tables import desk_accounts, desk_sessions
from db.schema.supplier_tables import organisations
from tests.api.conftest import take_all
from tests.api.desk.steps import Browser, heading
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client
from tests.oidc_provider import connect, make_person, sign_in_there

HERE = "http://127.0.0.1:8000"
ANNE = {"given_name": "Anne", "usual_name": "Le Goff", "email": "anne@morbihan.example", "email_verified": True}


@dataclass
class Door:
    """The way in through a provider, for people of one organisation, the buyers."""

    served: Client
    browser: Browser
    monkeypatch: pytest.MonkeyPatch
    issuer: str
    buyers: Member

    def opens_to(self, *members: str, **settings: Any) -> None:
        """Set the provider; these addresses and domains are of the buyers."""
        own = tuple((each, str(self.buyers.organisation_id)) for each in members)
        connect(self.served.services, self.monkeypatch, self.issuer, HERE, oidc_members=own, **settings)

    async def enter(self, path: str = "/connexion/fournisseur", **claims: object) -> int:
        """Anne goes to the provider, signs in there and comes back; the status of the page then shown."""
        await make_person(self.issuer, "anne", **ANNE | claims)
        away = await self.browser.get(path)
        assert away.status_code == 303
        return (await self.browser.open(await sign_in_there(self.issuer, away.headers["location"], "anne"))).status_code

    async def sign_ins(self) -> list[dict[str, Any]]:
        """What the journal of the buyers says of them."""
        found: list[dict[str, Any]] = (await self.buyers.get("/audit?action=person.signed_in")).json()["items"]
        return found


@pytest.fixture
async def door(served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str) -> Door:
    return Door(served, browser, monkeypatch, issuer, await member(served, "needs", "admin"))


async def test_a_person_signs_in_by_siret_is_led_back_and_named_in_the_journal(door: Door, browser: Browser) -> None:
    door.opens_to()
    siret = str(uuid4().int)[:14]
    async with transaction(door.served.services.database) as connection:
        own = update(organisations).where(organisations.c.id == door.buyers.organisation_id)
        await connection.execute(own.values(siret=siret))
    await browser.open("/territoires?lieu=Vannes")
    assert "Se connecter avec ProConnect" in browser.page
    before = browser.cookies[COOKIE]
    assert await door.enter("/connexion/fournisseur?suite=/territoires?lieu=Pontivy", siret=siret) == 200
    assert "Pontivy" in browser.page
    assert "Anne Le Goff" in browser.page
    assert browser.cookies[COOKIE] != before
    (entry,) = await door.sign_ins()
    assert (entry["means"], entry["person_name"], entry["key_name"]) == ("person", "Anne Le Goff", None)
    assert entry["object"] == f"person:{entry['actor_id']}"


async def test_the_list_of_members_names_the_organisation_of_a_verified_address(door: Door) -> None:
    """An address that looks like a member's leads nowhere."""
    for who, is_verified, is_let_in in (
        ("@autre.example", True, False),
        ("@morbihan.example", False, False),
        ("@morbihan.example", True, True),
        ("anne@morbihan.example", True, True),
    ):
        door.opens_to(who)
        status = await door.enter(email_verified=is_verified)
        is_named = door.buyers.key.organisation in door.browser.page
        assert (status, is_named) == ((200, True) if is_let_in else (403, False)), who
        door.browser.cookies.clear()
    door.opens_to("@essonne.fr", "chef@essonne.fr", "cheff@essonne.fr")
    for email in ("chef@eßonne.fr", "chef@e\u017fsonne.fr", "che\ufb00@essonne.fr", "chef@essonne\u3002fr"):
        assert await door.enter(email=email) == 403


async def test_who_is_of_no_known_organisation_reads_what_to_ask_for(door: Door, browser: Browser) -> None:
    door.opens_to()
    assert await door.enter(siret="00000000000000") == 403
    assert heading(browser.page) == "Vous n’êtes pas connecté"
    assert "son SIRET" in browser.page
    assert (await browser.get("/besoin")).status_code == 303


async def test_an_answer_counts_once_in_its_own_browser_and_for_ten_minutes(door: Door, browser: Browser) -> None:
    door.opens_to("@morbihan.example")
    await make_person(door.issuer, "anne", **ANNE)
    back = await sign_in_there(door.issuer, (await browser.get("/connexion/fournisseur")).headers["location"], "anne")
    async with Browser(door.served.app) as another:
        await another.open("/connexion")
        assert (await another.get(back)).status_code == 400
    now = door.served.services.now()
    with door.monkeypatch.context() as later:
        later.setattr(door.served.services, "now", lambda: now + timedelta(seconds=SIGN_IN_SECONDS + 2))
        assert (await browser.get(back)).status_code == 400
    assert (await browser.get(back.replace("code=", "code=x"))).status_code == 403
    kept = browser.cookies[COOKIE]
    assert (await browser.open(back)).status_code == 200
    browser.cookies.set(COOKIE, kept, domain="127.0.0.1")
    assert (await browser.get(back)).status_code == 403


async def test_a_state_that_a_browser_wrote_itself_leads_nowhere(door: Door, browser: Browser) -> None:
    door.opens_to()
    await browser.open("/connexion")
    token, now = browser.cookies[COOKIE], int(door.served.services.now().timestamp())
    elsewhere = _challenge(token, _SignInState(now, "https://elsewhere.example", b"salt")).state
    for state in (elsewhere, *(f"{carried}.{_proof(token, 'state', carried)}" for carried in ("x", "wA"))):
        assert (await browser.get(f"/connexion/retour?code=1&state={state}")).status_code == 400


async def test_administrators_are_named_by_their_address(door: Door) -> None:
    """For the organisation of that very address: a domain may lead to another."""
    named = frozenset({"anne@morbihan.example", "line@morbihan.example"})
    door.opens_to("@morbihan.example", "anne@morbihan.example", oidc_administrators=named)
    for email, scopes in (
        ("anne@morbihan.example", ["match", "needs", "read", "admin"]),
        ("paul@morbihan.example", ["match", "needs", "read"]),
        ("line@morbihan.example", ["match", "needs", "read"]),
    ):
        await door.enter(email=email)
        assert (await door.sign_ins())[-1]["detail"]["scopes"] == scopes


async def test_what_let_somebody_in_is_looked_at_again_at_each_page(door: Door, browser: Browser) -> None:
    """Rights too are those of today; an organisation is followed by its id, and under a name as long as it has that."""
    anne, other = "anne@morbihan.example", await member(door.served, "needs")
    door.opens_to(anne, oidc_administrators=frozenset({anne}))
    await door.enter()
    for settings, is_let_in in (
        ({"oidc_administrators": frozenset()}, False),
        ({"oidc_administrators": frozenset({anne})}, True),
    ):
        door.opens_to(anne, **settings)
        assert (await browser.get("/admin")).status_code == (200 if is_let_in else 403)
    named = replace(door.served.services.settings, oidc_members=((anne, door.buyers.key.organisation),))
    door.monkeypatch.setattr(door.served.services, "settings", named)
    assert (await browser.get("/besoin")).status_code == 200
    for members in ((), ((anne, str(other.organisation_id)),), ((anne, other.key.organisation),)):
        changed = replace(named, oidc_members=members)
        door.monkeypatch.setattr(door.served.services, "settings", changed)
        assert (await browser.get("/besoin")).status_code == 303
    connect(door.served.services, door.monkeypatch, "https://another.example", HERE, oidc_members=named.oidc_members)
    assert (await browser.get("/besoin")).status_code == 303


async def test_names_of_organisations_in_the_settings_are_told_with_their_ids(door: Door) -> None:
    services, own = door.served.services, door.buyers
    members = (("@a.example", own.key.organisation), ("@b.example", str(own.organisation_id)), ("@c.example", "Nobody"))
    with capture_logs() as told:
        await _warn_of_names(services.database, replace(services.settings, oidc_members=members))
    assert {(each["name"], each["id"]) for each in told} == {
        (own.key.organisation, str(own.organisation_id)),
        ("Nobody", None),
    }


async def test_signing_out_leads_to_the_provider_with_the_token_it_gave(door: Door, browser: Browser) -> None:
    door.opens_to("@morbihan.example")
    await door.enter()
    await browser.submit("deconnexion")
    assert heading(browser.page) == "Vous êtes déconnecté de Vivier"
    assert f"{door.issuer}/oauth2/end_session?id_token_hint=ey" in browser.page
    assert f"post_logout_redirect_uri={HERE.replace(':', '%3A').replace('/', '%2F')}%2Fconnexion" in browser.page
    assert (await browser.get("/besoin")).status_code == 303


async def test_a_person_without_a_provider_is_signed_in_no_more(door: Door, browser: Browser) -> None:
    door.opens_to("@morbihan.example")
    await door.enter()
    door.monkeypatch.setattr(door.served.services, "identity_provider", None)
    assert (await browser.get("/besoin")).status_code == 303
    assert (await browser.get("/connexion/fournisseur")).status_code == 404


async def test_an_erasure_ends_sessions_and_leaves_no_account(door: Door, browser: Browser) -> None:
    door.opens_to("@morbihan.example")
    await door.enter()
    told = (await door.buyers.post("/privacy/export", {"email": ANNE["email"]})).json()["holdings"]
    found = {each["field"]: each["text"] for each in told}
    assert ANNE["email"] in found.pop("session")
    assert found == {"name": "Anne Le Goff", "email": ANNE["email"], "account": f"{door.issuer} anne"}
    assert (await door.buyers.post("/privacy/erase", {"email": ANNE["email"]})).json()["reference"]
    assert (await browser.get("/besoin")).status_code == 303
    async with transaction(door.served.services.database) as connection:
        own = desk_accounts.c.organisation_id == door.buyers.organisation_id
        assert (await connection.execute(select(desk_accounts).where(own))).all() == []
    (entry,) = await door.sign_ins()
    assert entry["person_name"].startswith("Personne ")


async def test_what_was_typed_is_kept_while_signing_in_in_another_tab(door: Door, browser: Browser) -> None:
    door.opens_to("@morbihan.example")
    await door.enter()
    async with transaction(door.served.services.database) as connection:
        await connection.execute(desk_sessions.delete().where(desk_sessions.c.person_id.is_not(None)))
    await browser.submit("besoin", titre="Nettoyage des collèges", faire="ajouter")
    expired = browser.page
    assert browser.fields("besoin")["titre"] == ["Nettoyage des collèges"]
    await door.enter()
    browser.page = expired
    await browser.submit("besoin")
    await browser.submit("besoin")
    assert (browser.fields("besoin")["titre"], heading(browser.page)) == (["Nettoyage des collèges"], "Votre besoin")


async def test_sign_ins_in_vain_are_limited_and_a_provider_that_is_away_is_said_to_be(
    door: Door, browser: Browser, limits: Limits
) -> None:
    connect(door.served.services, door.monkeypatch, "http://localhost:1", HERE)
    take_all(limits, SIGN_INS, but=1)
    answer = await browser.get("/connexion/fournisseur")
    assert (answer.status_code, "ne répond pas" in answer.text) == (503, True)
    assert (await browser.get("/connexion/fournisseur")).status_code == 429


def test_settings_of_a_provider_hide_its_secret(served: Client) -> None:
    settings = replace(served.services.settings, oidc_client_secret="a-secret-of-both")
    assert "a-secret-of-both" not in repr(settings)
