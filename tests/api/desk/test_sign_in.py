"""A session of the desk: begun with a key, for this browser alone, and no longer than its key."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from api.desk.frame.layout import asset_path
from api.desk.frame.page import LONGEST_CARRIED
from api.desk.frame.visit import COOKIE, local_path
from api.desk.pages import PAGES
from api.runtime.rate_limits import LOOK_UPS, UNKNOWN_KEYS, Limits
from api.runtime.services import BODIES_LIMIT
from db.core.engine import transaction
from db.schema.person_tables import desk_sessions
from domain.organisation import Scope
from tests.api.conftest import ADMIN_KEY, take_all
from tests.api.desk.steps import FORM, Browser, heading, key_of, sign_in_as
from tests.api.organisations import member
from tests.api.sync.factories import Client


async def test_a_key_opens_a_session_and_leads_back(browser: Browser) -> None:
    answer = await browser.sign_in(path="/besoin?titre=Nettoyage&lieu=Vannes")
    assert (answer.status_code, answer.url.path) == (200, "/besoin")
    assert 'value="Nettoyage"' in browser.page
    assert (await browser.get("/connexion")).headers["location"] == "./besoin"


async def test_every_page_but_those_to_sign_in_needs_a_session(browser: Browser) -> None:
    closed = [each.opt["page"] for each in PAGES if each.opt["page"].scopes]
    open_ = {each.opt["page"].path for each in PAGES} - {made.path for made in closed}
    signing_in = {"/connexion", "/connexion/{link}", "/connexion/fournisseur", "/connexion/retour", "/deconnexion"}
    signing_in |= {"/connexion/code", "/connexion/code/verification", "/connexion/passe", "/invitation/{token}"}
    signing_in.add("/embed/search/{token}")
    assert open_ == {*signing_in, "/accessibilite", "/mentions", "/plan", "/bureau/{digest}/{name}"}
    assert len(closed) > 1
    for made in closed:
        path = made.path.replace("{code}", "departement:56")
        if made.method == "GET":
            answer = await browser.get(path)
            assert (answer.status_code, "connexion?suite=" in answer.headers["location"]) == (303, True)
        else:
            assert (await browser.post(path, content="", headers=FORM)).status_code == 401


async def test_a_page_is_for_those_who_have_its_right_and_no_menu_leads_others_there(served: Client) -> None:
    others: dict[Scope, tuple[str, ...]] = {
        "match": ("annuaire", "besoins", "sources", "admin"),
        "read": ("territoires", "lotissement"),
    }
    for own, paths in others.items():
        async with Browser(served.app) as browser:
            await browser.sign_in(key_of(await member(served, own)))
            assert [path for path in paths if f'href="./{path}"' in browser.page] == []
            for made in (each.opt["page"] for each in PAGES):
                if made.scopes and own not in made.scopes:
                    answer = await browser.request(made.method, made.path, headers=FORM)
                    assert (answer.status_code, "Vos droits" in answer.text) == (403, True), made.path


async def test_a_key_that_is_not_in_force_opens_nothing(browser: Browser) -> None:
    answer = await browser.sign_in("viv_of-nobody")
    assert (answer.status_code, heading(browser.page)) == (401, "Se connecter")
    assert "pas reconnue" in browser.page
    assert "viv_of-nobody" not in browser.page
    assert (await browser.get("/besoin")).status_code == 303
    answer = await browser.post("/connexion", content="suite=/besoin&cle=viv_secret", headers=FORM)
    assert (answer.status_code, "/besoin" in answer.text, "viv_secret" in answer.text) == (403, True, False)


async def test_unknown_keys_count_as_they_do_in_the_api(browser: Browser, limits: Limits) -> None:
    take_all(limits, UNKNOWN_KEYS)
    answer = await browser.sign_in("vivier_" + "0" * 48)
    assert (answer.status_code, "retry-after" in answer.headers) == (429, True)


async def test_the_cookie_is_of_no_use_to_scripts_other_sites_and_plain_connections(served: Client) -> None:
    for address, host, is_secure in (
        ("http://127.0.0.1:8000", {}, False),
        ("http://localhost:8000", {}, False),
        ("http://vivier.example.org", {}, True),
        ("https://127.0.0.1", {}, True),
        ("http://127.0.0.1:8000", {"Host": "[no-address"}, True),
    ):
        async with Browser(served.app, address) as browser:
            cookie = (await browser.get("/connexion", headers=host)).headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert ("Secure" in cookie) == is_secure
        assert cookie.startswith("__Host-") == is_secure


async def test_a_neighbouring_host_signs_nobody_in(served: Client) -> None:
    """It can set cookies for all hosts of its domain, with a token that it knows, and send a form with its proof."""
    async with Browser(served.app, "https://vivier.example.org") as thief, Browser(served.app) as anne:
        await thief.sign_in()
        stolen = thief.cookies[f"__Host-{COOKIE}"]
        await anne.open("/connexion")
        fields = anne.fields("connexion") | {"cle": [ADMIN_KEY]}
        for site in ("same-site", "cross-site"):
            headers = FORM | {"Sec-Fetch-Site": site}
            answer = await anne.post("/connexion", content=urlencode(fields, doseq=True), headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, "./connexion")
        assert (await anne.get("/besoin")).status_code == 303
    async with Browser(served.app, "https://vivier.example.org") as anne:
        anne.cookies.set(COOKIE, stolen, domain="vivier.example.org")
        assert (await anne.get("/besoin")).status_code == 303


async def test_the_database_holds_no_token_and_the_session_none_that_was_there_before(
    served: Client, browser: Browser
) -> None:
    """Signing out ends it also for who kept the cookie."""
    await browser.open("/connexion")
    before = browser.cookies[COOKIE]
    await browser.sign_in()
    assert browser.cookies[COOKIE] != before
    async with transaction(served.services.database) as connection:
        rows = (await connection.execute(select(desk_sessions.c.digest))).scalars().all()
    assert all(browser.cookies[COOKIE].encode() not in row for row in rows)
    kept = browser.cookies[COOKIE]
    await browser.submit("deconnexion")
    assert heading(browser.page) == "Se connecter"
    browser.cookies.set(COOKIE, kept, domain="127.0.0.1")
    assert (await browser.get("/besoin")).status_code == 303


async def test_a_session_ends_with_its_key_and_its_hours(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages name the organisation of the key. That of the administrator ends when that key is changed."""
    somebody = await member(served, "match", organisation="Ville de Redon")
    await browser.sign_in(key_of(somebody))
    assert "Ville de Redon" in browser.page
    await served.delete(f"/keys/{somebody.key.id}")
    assert (await browser.get("/besoin")).status_code == 303
    await browser.sign_in()
    later = served.services.now() + timedelta(hours=served.services.settings.session_hours, seconds=1)
    other = replace(served.services.settings, admin_key=f"{ADMIN_KEY}-changed")
    for name, value in (("now", lambda: later), ("settings", other)):
        with monkeypatch.context() as changed:
            changed.setattr(served.services, name, value)
            assert (await browser.get("/besoin")).status_code == 303
        assert (await browser.get("/besoin")).status_code == 200


async def test_of_many_sessions_of_a_key_the_earliest_ends(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of another key stay."""
    monkeypatch.setattr("db.persons.MOST_SESSIONS", 2)
    anne, other = await member(served, "match"), await member(served, "match")
    await sign_in_as(browser, other)
    async with Browser(served.app) as first, Browser(served.app) as second, Browser(served.app) as third:
        for each in (first, second, third):
            await sign_in_as(each, anne)
        found = [(await each.get("/besoin")).status_code for each in (first, second, third, browser)]
    assert found == [303, 200, 200, 200]


async def test_tokens_of_no_session_are_looked_up_so_many_times_a_minute(own: Browser, limits: Limits) -> None:
    """Those of a session do not count, and what is no token is not looked up at all."""
    take_all(limits, LOOK_UPS, but=2)
    assert [(await own.get("/besoin")).status_code for _ in range(4)] == [200] * 4
    own.cookies.set(COOKIE, "0" * 43, domain="127.0.0.1")
    assert [(await own.get("/besoin")).status_code for _ in range(3)] == [303, 303, 429]
    own.cookies.set(COOKIE, "0" * 42, domain="127.0.0.1")
    assert (await own.get("/besoin")).status_code == 303
    own.cookies.clear()
    assert (await own.get("/besoin")).status_code == 303


@pytest.mark.parametrize("path", ["/besoin", "/connexion", "/deconnexion"])
async def test_nothing_that_another_site_sends_is_shown_or_kept(browser: Browser, path: str) -> None:
    """Its form comes without the cookie: the session that the browser has stays, and no click sends that form again."""
    elsewhere = FORM | {"Sec-Fetch-Site": "cross-site"}
    answer = await browser.post(path, content="titre=Leurre&cle=viv_leurre", headers=elsewhere)
    assert (answer.status_code, answer.headers["location"]) == (303, "./connexion")
    assert "set-cookie" not in answer.headers


async def test_a_form_of_another_page_does_nothing_and_loses_nothing(own: Browser) -> None:
    for token in ("", "0" * 80):
        content = f"jeton={token}&titre=Entretien+des+parcs&faire=comprendre"
        answer = await own.post("/besoin", content=content, headers=FORM)
        own.page = answer.text
        assert (answer.status_code, heading(answer.text)) == (403, "Ce formulaire n’a pas été pris en compte")
        assert own.fields("besoin")["titre"] == ["Entretien des parcs"]
    assert (await own.submit("besoin")).status_code == 200
    assert 'value="Entretien des parcs"' in own.page


async def test_what_is_typed_outlives_the_session(own: Browser) -> None:
    """As much as is carried along survives being written twice."""
    form, typed = own.page, 'é"' * (LONGEST_CARRIED // 12)
    await own.submit("deconnexion")
    own.page = form
    answer = await own.submit("besoin", titre="Entretien des parcs", reference=typed, faire="comprendre")
    assert (answer.status_code, heading(own.page)) == (401, "Se connecter")
    await own.submit("connexion", cle=ADMIN_KEY)
    assert heading(own.page) == "Vous êtes connecté"
    assert own.fields("besoin")["reference"] == [typed]
    await own.submit("besoin", reference="")
    assert 'value="Entretien des parcs"' in own.page


async def test_without_a_session_no_more_is_read_than_is_carried_along(browser: Browser) -> None:
    """Anybody may send a form, and each is read and written again: one of a MiB took a third of a second."""
    await browser.open("/connexion")
    for path, most in (
        ("/besoin", LONGEST_CARRIED),
        ("/sources/x/envois", LONGEST_CARRIED),
        ("/connexion", 2 * LONGEST_CARRIED),
    ):
        sent = [await browser.post(path, content=b"a=" + b"b" * (size - 2), headers=FORM) for size in (most, most + 1)]
        assert (sent[0].status_code in {401, 403}, sent[1].status_code) == (True, 413)


async def test_forms_of_those_who_are_not_signed_in_have_room_of_their_own(served: Client, own: Browser) -> None:
    """They keep nobody who is from sending one."""
    services = served.services

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a="
        yield b"b"

    async with Browser(served.app) as another:
        await another.open("/connexion")
        with services.share_of_bodies(None) as take:
            take(BODIES_LIMIT // 4)
            for path in ("/besoin", "/connexion"):
                assert (await another.post(path, content=pieces(), headers=FORM)).status_code == 429
            assert (await own.post("/besoin", content=pieces(), headers=FORM)).status_code == 403


async def test_nobody_is_led_elsewhere(browser: Browser) -> None:
    """A path that looks like an address stays one."""
    for path in ("//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/\tx", "/é"):
        assert local_path(path) is None
    await browser.open("/connexion?suite=/https:/evil.example/")
    fields = {**browser.fields("connexion"), "cle": [ADMIN_KEY]}
    answer = await browser.post("/connexion", data={name: texts[0] for name, texts in fields.items()})
    target = answer.url.join(answer.headers["location"])
    assert (target.host, target.path) == ("127.0.0.1", "/https:/evil.example/")


async def test_pages_load_and_run_nothing_from_elsewhere(browser: Browser) -> None:
    """Nor are they open to other origins."""
    answer = await browser.get("/connexion", headers={"Origin": "https://portail.example.org"})
    assert "access-control-allow-origin" not in answer.headers
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert re.findall('<script(?! src="[./]+bureau/)', answer.text) == []
    assert " style=" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_stylesheets_and_scripts_are_held_for_a_year_by_paths_that_change_with_them(browser: Browser) -> None:
    """They are compressed for who asks, as pages are."""
    await browser.open("/connexion")
    path = re.findall(r'href="\./(bureau/[^"]+)"', browser.page)[0]
    style = await browser.get(path)
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert "set-cookie" not in style.headers
    old = await browser.get(f"/bureau/000000000000/{path.rpartition('/')[2]}")
    assert (old.content, old.headers["cache-control"]) == (style.content, "no-cache")
    assert (await browser.get("/bureau/000000000000/page.py")).status_code == 404
    for path in ("/connexion", asset_path("bureau.css"), asset_path("leaflet.js")):
        plain = await browser.get(path, headers={"Accept-Encoding": "identity"})
        compressed = await browser.get(path, headers={"Accept-Encoding": "gzip"})
        assert (plain.headers.get("content-encoding"), compressed.headers["content-encoding"]) == (None, "gzip")
        assert int(compressed.headers["content-length"]) < int(plain.headers["content-length"])
        assert "accept-encoding" in compressed.headers["vary"]


async def test_a_link_signs_in_once_and_is_in_no_log(
    served: Client, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    token = served.services.sign_in_links.issue(ADMIN_KEY)
    assert (await browser.open(f"/connexion/{token}")).url.path == "/besoin"
    async with Browser(served.app) as other:
        answer = await other.open(f"/connexion/{token}")
        assert (answer.status_code, "déjà servi" in answer.text) == (404, True)
    written = capsys.readouterr().err
    assert ('"route":"/connexion/{link}"' in written, token in written) == (True, False)


@pytest.mark.parametrize(
    ("scope", "path"), [("match", "/besoin"), ("read", "/annuaire"), ("sync", "/sources"), ("admin", "/admin")]
)
async def test_everybody_begins_at_a_page_that_they_may_see(
    served: Client, browser: Browser, scope: Scope, path: str
) -> None:
    somebody = await member(served, scope)
    answer = await browser.sign_in(key_of(somebody), path="/")
    assert (answer.status_code, answer.url.path) == (200, path)
    assert ("territoires" in browser.page) == (scope == "match")


async def test_a_browser_at_an_address_of_nothing_is_shown_a_page(served: Client, browser: Browser) -> None:
    for path in ("/nulle-part", "/besoins/1/nulle-part"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["content-type"][:9]) == (404, "text/html")
        assert (heading(answer.text), "set-cookie" in answer.headers) == ("Introuvable", False)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert (await served.get(path)).headers["content-type"] == "application/problem+json"
        assert "Se déconnecter" not in answer.text
    await browser.sign_in(key_of(await member(served, "match")))
    assert "Se déconnecter" in (await browser.get("/nulle-part")).text
