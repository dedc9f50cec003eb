"""People sign in without a key, through a provider: into their own organisation, and the journal names them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from api.desk.frame.visit import COOKIE
from api.desk.sign_in import SIGN_IN_SECONDS, _challenge, _proof, _Sent
from api.runtime.rate_limits import SIGN_INS, Limits
from db.core.engine import transaction
from db.schema.person_tables import desk_accounts, desk_sessions
from db.schema.supplier_tables import organisations
from tests.api.conftest import take_all
from tests.api.desk.steps import Browser, heading
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client
from tests.oidc_provider import connect, make_person, provider, sign_in_there

HERE = "http://127.0.0.1:8000"
ANNE = {"given_name": "Anne", "usual_name": "Le Goff", "email": "anne@morbihan.example", "email_verified": True}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as issuer:
        yield issuer


@pytest.fixture
async def buyers(served: Client) -> Member:
    """An organisation, known by its SIRET, and somebody there with a key."""
    return await member(served, "needs", "admin")


@pytest.fixture
def siret() -> str:
    return str(uuid4().int)[:14]


async def give_siret(served: Client, organisation_id: UUID, siret: str) -> None:
    async with transaction(served.services.database) as connection:
        own = update(organisations).where(organisations.c.id == organisation_id)
        await connection.execute(own.values(siret=siret))


async def sign_in(browser: Browser, issuer: str, subject: str, path: str = "/connexion/fournisseur") -> int:
    """Go to the provider, sign in there and come back; the status of the page then shown."""
    away = await browser.get(path)
    assert away.status_code == 303
    return (await browser.open(await sign_in_there(issuer, away.headers["location"], subject))).status_code


async def anne_signs_in(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member
) -> None:
    """Anne signs in at the provider; the domain of her address makes her one of the buyers."""
    members = (("@morbihan.example", str(buyers.organisation_id)),)
    connect(served.services, monkeypatch, issuer, HERE, oidc_members=members)
    await make_person(issuer, "anne", **ANNE)
    await sign_in(browser, issuer, "anne")


async def test_a_person_signs_in_by_siret_and_is_led_back(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member, siret: str
) -> None:
    connect(served.services, monkeypatch, issuer, HERE)
    await give_siret(served, buyers.organisation_id, siret)
    await make_person(issuer, "anne", siret=siret, **ANNE)
    await browser.open("/territoires?lieu=Vannes")
    assert "Se connecter avec ProConnect" in browser.page
    before = browser.cookies[COOKIE]
    assert await sign_in(browser, issuer, "anne", "/connexion/fournisseur?suite=/territoires?lieu=Pontivy") == 200
    assert "Pontivy" in browser.page
    assert "Anne Le Goff" in browser.page
    assert browser.cookies[COOKIE] != before


async def test_the_journal_names_the_person(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member, siret: str
) -> None:
    connect(served.services, monkeypatch, issuer, HERE)
    await give_siret(served, buyers.organisation_id, siret)
    await make_person(issuer, "anne", siret=siret, **ANNE)
    await sign_in(browser, issuer, "anne")
    (entry,) = (await buyers.get("/audit?action=person.signed_in")).json()["items"]
    assert (entry["means"], entry["person_name"], entry["key_name"]) == ("person", "Anne Le Goff", None)
    assert entry["object"] == f"person:{entry['actor_id']}"


@pytest.mark.parametrize(
    ("who", "claims", "is_let_in"),
    [
        ("anne@morbihan.example", {}, True),
        ("@morbihan.example", {}, True),
        ("@morbihan.example", {"email_verified": False}, False),
        ("@autre.example", {}, False),
    ],
)
async def test_the_list_of_members_names_the_organisation_of_a_verified_address(
    served: Client,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    issuer: str,
    buyers: Member,
    who: str,
    claims: dict[str, object],
    is_let_in: bool,
) -> None:
    connect(served.services, monkeypatch, issuer, HERE, oidc_members=((who, str(buyers.organisation_id)),))
    await make_person(issuer, "anne", **ANNE | claims)
    status = await sign_in(browser, issuer, "anne")
    assert (status, buyers.key.organisation in browser.page) == ((200, True) if is_let_in else (403, False))


@pytest.mark.parametrize(
    "email", ["chef@eßonne.fr", "chef@e\u017fsonne.fr", "che\ufb00@essonne.fr", "chef@essonne\u3002fr"]
)
async def test_an_address_that_looks_like_a_members_leads_nowhere(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member, email: str
) -> None:
    own = str(buyers.organisation_id)
    members = (("@essonne.fr", own), ("chef@essonne.fr", own), ("cheff@essonne.fr", own))
    connect(served.services, monkeypatch, issuer, HERE, oidc_members=members)
    await make_person(issuer, "anne", **ANNE | {"email": email})
    assert await sign_in(browser, issuer, "anne") == 403


async def test_who_is_of_no_known_organisation_reads_what_to_ask_for(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str
) -> None:
    connect(served.services, monkeypatch, issuer, HERE)
    await make_person(issuer, "paul", siret="00000000000000", **ANNE)
    assert await sign_in(browser, issuer, "paul") == 403
    assert heading(browser.page) == "Vous n’êtes pas connecté"
    assert "son SIRET" in browser.page
    assert (await browser.get("/besoin")).status_code == 303


async def test_an_answer_counts_once_in_its_own_browser_and_for_ten_minutes(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member
) -> None:
    members = (("@morbihan.example", str(buyers.organisation_id)),)
    connect(served.services, monkeypatch, issuer, HERE, oidc_members=members)
    await make_person(issuer, "anne", **ANNE)
    away = (await browser.get("/connexion/fournisseur")).headers["location"]
    back = await sign_in_there(issuer, away, "anne")
    async with Browser(served.app) as another:
        await another.open("/connexion")
        assert (await another.get(back)).status_code == 400
    now = served.services.now()
    with monkeypatch.context() as later:
        later.setattr(served.services, "now", lambda: now + timedelta(seconds=SIGN_IN_SECONDS + 2))
        assert (await browser.get(back)).status_code == 400
    assert (await browser.get(back.replace("code=", "code=x"))).status_code == 403
    kept = browser.cookies[COOKIE]
    assert (await browser.open(back)).status_code == 200
    browser.cookies.set(COOKIE, kept, domain="127.0.0.1")
    assert (await browser.get(back)).status_code == 403


async def test_a_state_that_a_browser_wrote_itself_leads_nowhere(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str
) -> None:
    connect(served.services, monkeypatch, issuer, HERE)
    await browser.open("/connexion")
    token, now = browser.cookies[COOKIE], int(served.services.now().timestamp())
    elsewhere = _challenge(token, _Sent(now, "https://elsewhere.example", b"salt")).state
    for state in (elsewhere, *(f"{carried}.{_proof(token, 'state', carried)}" for carried in ("x", "wA"))):
        assert (await browser.get(f"/connexion/retour?code=1&state={state}")).status_code == 400


async def test_administrators_are_named_by_their_address(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member
) -> None:
    """For the organisation of that very address: a domain may lead to another."""
    own = str(buyers.organisation_id)
    members = (("@morbihan.example", own), ("anne@morbihan.example", own))
    named = frozenset({"anne@morbihan.example", "line@morbihan.example"})
    connect(served.services, monkeypatch, issuer, HERE, oidc_members=members, oidc_administrators=named)
    for subject, claims, scopes in (
        ("anne", {}, ["match", "needs", "read", "admin"]),
        ("anne", {"email": "paul@morbihan.example"}, ["match", "needs", "read"]),
        ("anne", {"email": "line@morbihan.example"}, ["match", "needs", "read"]),
    ):
        await make_person(issuer, subject, **ANNE | claims)
        await sign_in(browser, issuer, subject)
        entries = (await buyers.get("/audit?action=person.signed_in")).json()["items"]
        assert entries[-1]["detail"]["scopes"] == scopes


async def test_signing_out_leads_to_the_provider_with_the_token_it_gave(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member
) -> None:
    await anne_signs_in(served, browser, monkeypatch, issuer, buyers)
    await browser.submit("deconnexion")
    assert heading(browser.page) == "Vous êtes déconnecté de Vivier"
    assert f"{issuer}/oauth2/end_session?id_token_hint=ey" in browser.page
    assert f"post_logout_redirect_uri={HERE.replace(':', '%3A').replace('/', '%2F')}%2Fconnexion" in browser.page
    assert (await browser.get("/besoin")).status_code == 303


async def test_a_person_without_a_provider_is_signed_in_no_more(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member
) -> None:
    await anne_signs_in(served, browser, monkeypatch, issuer, buyers)
    monkeypatch.setattr(served.services, "identity_provider", None)
    assert (await browser.get("/besoin")).status_code == 303
    assert (await browser.get("/connexion/fournisseur")).status_code == 404


async def test_an_erasure_ends_sessions_and_leaves_no_account(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member
) -> None:
    await anne_signs_in(served, browser, monkeypatch, issuer, buyers)
    told = (await buyers.post("/privacy/export", {"email": ANNE["email"]})).json()["holdings"]
    found = {each["field"]: each["text"] for each in told}
    assert ANNE["email"] in found.pop("session")
    assert found == {
        "name": "Anne Le Goff",
        "email": ANNE["email"],
        "account": f"{issuer} anne",
    }
    assert (await buyers.post("/privacy/erase", {"email": ANNE["email"]})).json()["reference"]
    assert (await browser.get("/besoin")).status_code == 303
    async with transaction(served.services.database) as connection:
        own = desk_accounts.c.organisation_id == buyers.organisation_id
        assert (await connection.execute(select(desk_accounts).where(own))).all() == []
    (entry,) = (await buyers.get("/audit?action=person.signed_in")).json()["items"]
    assert entry["person_name"].startswith("Personne ")


async def test_what_was_typed_is_kept_while_signing_in_in_another_tab(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, buyers: Member
) -> None:
    await anne_signs_in(served, browser, monkeypatch, issuer, buyers)
    async with transaction(served.services.database) as connection:
        await connection.execute(desk_sessions.delete().where(desk_sessions.c.person_id.is_not(None)))
    await browser.submit("besoin", titre="Nettoyage des collèges", faire="ajouter")
    expired = browser.page
    assert browser.fields("besoin")["titre"] == ["Nettoyage des collèges"]
    await sign_in(browser, issuer, "anne")
    browser.page = expired
    await browser.submit("besoin")
    await browser.submit("besoin")
    assert (browser.fields("besoin")["titre"], heading(browser.page)) == (["Nettoyage des collèges"], "Votre besoin")


async def test_sign_ins_in_vain_are_limited(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, limits: Limits
) -> None:
    connect(served.services, monkeypatch, issuer, HERE)
    take_all(limits, SIGN_INS, but=1)
    assert [(await browser.get("/connexion/fournisseur")).status_code for _ in range(2)] == [303, 429]


async def test_a_provider_that_is_away_is_said_to_be(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(served.services, monkeypatch, "http://localhost:1", HERE)
    answer = await browser.get("/connexion/fournisseur")
    assert (answer.status_code, "ne répond pas" in answer.text) == (503, True)


def test_settings_of_a_provider_hide_its_secret(served: Client) -> None:
    settings = replace(served.services.settings, oidc_client_secret="a-secret-of-both")
    assert "a-secret-of-both" not in repr(settings)
