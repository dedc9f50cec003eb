"""People invited by e-mail sign in by a link, a code or a passkey, without a secret that anybody hands over."""

import asyncio
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from sqlalchemy import Row, Table, select

from api.desk.frame.visit import COOKIE, OF_THIS_HOST
from api.desk.invited_people import CODES_FOR_ONE, FRESH_SECONDS
from api.runtime.rate_limits import Limits
from db.core.engine import transaction
from db.delivery.outbox import ClaimedRow
from db.invitations import (
    CODE_LIFE,
    LINK_LIFE,
    MOST_CODES,
    MOST_CODES_IN_ALL,
    MOST_TRIES,
    Passkey,
    find_by_link,
    insert_passkey,
    queue_codes,
    queue_invitation,
    secret_digest,
    select_mail_to_send,
)
from db.schema.person_tables import passkeys, persons, sign_in_mails
from matching.reference import Reference
from tests.accessibility import violations
from tests.api.desk.steps import FORM, Browser, Fields, heading, said, sign_in_as
from tests.api.desk.window import Windows, appears, enter, press, refused
from tests.api.mailbox import PUBLIC_URL as HERE
from tests.api.mailbox import Mailbox, emailing
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client
from tests.browser import on_a_socket
from tests.conftest import new_database_url


@dataclass
class House:
    """An organisation with its administrator, whom it invites, in an application that sends e-mail; a clock to set."""

    served: Client
    mailbox: Mailbox
    boss: Member
    desk: Browser
    anne: str
    ahead: timedelta = timedelta(0)

    async def invite(self, *rights: str) -> None:
        await self.desk.open("/admin/personnes")
        typed: dict[str, str | Sequence[str]] = {"portee": rights} if rights else {}
        await self.desk.submit("admin/personnes", typed, adresse=self.anne, nom="Anne Le Goff")

    async def of_its_people(self, table: Table) -> Sequence[Row[Any]]:
        """The rows of a table that are its people's."""
        own = select(table).join(persons).where(persons.c.organisation_id == self.boss.organisation_id)
        async with transaction(self.served.services.database) as connection:
            return (await connection.execute(own)).all()

    async def received(self) -> str:
        """The text of the latest e-mail, once all are sent; empty where there was none."""
        async with asyncio.timeout(60):
            while any(each.status == "waiting" for each in await self.of_its_people(sign_in_mails)):
                pass
        return str(self.mailbox.received[-1].get_content()) if self.mailbox.raw else ""

    async def link(self) -> str:
        """The path of the link in the latest e-mail."""
        found = re.search(rf"{HERE}(/invitation/[\w-]{{43}})", await self.received())
        assert found
        return found[1]

    async def ask_for_code(self, browser: Browser, email: str | None = None) -> str:
        """The code that comes for this browser."""
        await browser.open("/connexion?suite=/territoires?lieu=Vannes")
        await browser.submit("connexion/code", adresse=email or self.anne)
        found = re.search(r"\b\d{8}\b", await self.received())
        return found[0] if found else ""

    async def actions(self) -> list[str]:
        items = (await self.boss.get("/audit")).json()["items"]
        return [each["action"] for each in items if each["action"].startswith("person.")]


its_database_url = pytest.fixture(new_database_url, scope="module")


@pytest.fixture(scope="module")
async def emailed(its_database_url: str, reference: Reference) -> AsyncIterator[tuple[Client, Mailbox]]:
    async with emailing(its_database_url, reference) as both:
        yield both


@pytest.fixture
async def house(emailed: tuple[Client, Mailbox], source: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house that nobody has asked for anything yet, and whose mailbox is empty."""
    served, mailbox = emailed
    mailbox.raw.clear()
    boss = await member(served, "match", "needs", "read", "admin")
    async with Browser(served.app, HERE) as desk:
        house, clock = House(served, mailbox, boss, desk, f"anne@{source}.example"), served.services.now
        monkeypatch.setattr(served.services, "limits", Limits())
        monkeypatch.setattr(served.services, "now", lambda: clock() + house.ahead)
        await sign_in_as(desk, boss)
        yield house
        await house.received()


@asynccontextmanager
async def browser_of(house: House) -> AsyncIterator[Browser]:
    async with Browser(house.served.app, HERE) as browser:
        yield browser


async def test_an_invitation_lets_in_once_with_the_rights_that_it_gives(house: House) -> None:
    await house.invite("match", "read")
    assert "Invitation en attente" in house.desk.page
    text = await house.received()
    assert house.boss.key.organisation in text
    path = await house.link()
    async with browser_of(house) as anne:
        await anne.open(path)
        await anne.open(path)  # as a scanner of mails does
        await anne.submit(path[1:])
        assert (heading(anne.page), "Votre accès est activé" in anne.page) == ("Votre accès", True)
        assert "Anne Le Goff" in anne.page
        assert (await anne.get("/annuaire")).status_code == 200
        assert (await anne.get("/besoins")).status_code == 403
        assert (await anne.get(path)).status_code == 404
    assert await house.actions() == ["person.invited", "person.signed_in"]
    (entry,) = (await house.boss.get("/audit?action=person.signed_in")).json()["items"]
    assert (entry["person_name"], entry["detail"]) == (
        "Anne Le Goff",
        {"scopes": ["match", "read"], "way": "invitation"},
    )


async def test_an_address_is_not_flooded_and_a_refusal_is_told(house: House) -> None:
    house.mailbox.refusals = ["550 no such user"]
    house.mailbox.stage = "RCPT"
    await house.invite()
    async with asyncio.timeout(60):
        while house.mailbox.refusals:
            await house.desk.open("/admin/personnes")
        (path,) = re.findall(r'href="[./]*(admin/personnes/[0-9a-f-]{36})"', house.desk.page)
        while "adresse refusée" not in house.desk.page:
            await house.desk.open(f"/{path}")
    for _ in range(MOST_CODES):
        await house.invite()
    assert "plusieurs invitations" in house.desk.page


async def test_a_link_ends_and_a_later_one_takes_its_place(house: House) -> None:
    await house.invite()
    first = await house.link()
    await house.invite("match")
    async with browser_of(house) as anne:
        assert (await anne.get(first)).status_code == 404
        later = await house.link()
        house.ahead = LINK_LIFE + timedelta(minutes=1)
        assert (await anne.get(later)).status_code == 404


async def test_a_code_lets_in_where_it_was_asked_for_and_leads_back(house: House) -> None:
    await house.invite()
    await house.received()
    async with browser_of(house) as anne, browser_of(house) as thief:
        code = await house.ask_for_code(anne, f" {house.anne.title()} ")
        await thief.open("/connexion")
        await thief.submit("connexion/code", adresse="nobody@morbihan.example")
        assert heading(thief.page) == heading(anne.page) == "Saisissez votre code"
        assert (await thief.submit("connexion/code/verification", code=code)).status_code == 401
        before = anne.cookies[OF_THIS_HOST + COOKIE]
        await anne.submit("connexion/code/verification", code=f"{code[:4]} {code[4:]}")
        assert (heading(anne.page), "Anne Le Goff" in anne.page) == ("État des lieux\N{NO-BREAK SPACE}: Vannes", True)
        assert anne.cookies[OF_THIS_HOST + COOKIE] != before


async def test_codes_are_few_short_lived_and_tried_a_few_times(house: House) -> None:
    await house.invite()
    await house.received()
    async with browser_of(house) as anne:
        code = await house.ask_for_code(anne)
        page = anne.page
        wrong = "00000000" if code != "00000000" else "00000001"
        for _ in range(MOST_TRIES):
            assert (await anne.submit("connexion/code/verification", code=wrong)).status_code == 401
        assert (await anne.submit("connexion/code/verification", code=code)).status_code == 401
        code, page = await house.ask_for_code(anne), anne.page
        house.ahead = CODE_LIFE + timedelta(seconds=1)
        anne.page = page
        assert (await anne.submit("connexion/code/verification", code=code)).status_code == 401
        house.ahead = timedelta(0)
        for _ in range(MOST_CODES):
            await house.ask_for_code(anne)
        assert len(house.mailbox.received) == 1 + MOST_CODES


async def test_codes_that_are_asked_for_at_once_are_few_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one browser, and in ever new ones."""
    monkeypatch.setattr("db.invitations.MOST_CODES_IN_ALL", in_all := 2 * MOST_CODES)
    await house.invite()
    await house.received()

    async def ask(browser: bytes) -> None:
        async with transaction(house.served.services.database) as connection:
            await queue_codes(connection, house.anne, browser, "fr", house.served.services.now())

    await asyncio.gather(*map(ask, [b"one"] * 3 * MOST_CODES))
    await house.received()
    assert len(house.mailbox.received) == 1 + MOST_CODES
    await asyncio.gather(*(ask(b"%d" % number) for number in range(in_all + 3)))
    await house.received()
    assert len(house.mailbox.received) == 1 + in_all


async def test_an_outsider_who_asks_for_codes_keeps_nobody_out(house: House) -> None:
    await house.invite()
    await house.received()
    async with browser_of(house) as thief, browser_of(house) as anne:
        for _ in range(CODES_FOR_ONE.most - 1):
            await house.ask_for_code(thief)
        assert len(house.mailbox.received) == 1 + MOST_CODES
        await anne.submit("connexion/code/verification", code=await house.ask_for_code(anne))
        assert "Anne Le Goff" in anne.page
        await thief.open("/connexion")
        assert (await thief.submit("connexion/code", adresse=house.anne)).status_code == 429
        assert 4 * CODES_FOR_ONE.most < MOST_CODES_IN_ALL  # nor do four networks use up what she may get


async def test_an_invitation_that_was_replaced_is_not_sent_any_more(house: House) -> None:
    await house.invite()
    await house.received()
    now = house.served.services.now()
    (row,) = await house.of_its_people(sign_in_mails)
    async with transaction(house.served.services.database) as connection:
        await queue_invitation(connection, row.person_id, "fr", now)
    mail = ClaimedRow(row.id, 1, row.queued_at, row.id, {**row._mapping})
    async with transaction(house.served.services.database) as connection:
        assert await select_mail_to_send(connection, mail, secret_digest("late"), now) is None
        assert await find_by_link(connection, "late", now) is None


async def test_what_was_typed_comes_back_after_a_code(house: House) -> None:
    await house.invite("match", "needs")
    path = await house.link()
    async with browser_of(house) as anne:
        await anne.open(path)
        await anne.submit(path[1:])
        await anne.open("/besoin")
        anne.cookies.clear()
        await anne.submit("besoin", titre="Nettoyage des collèges", faire="ajouter")
        await anne.submit("connexion/code", adresse=house.anne)
        code = re.search(r"\b\d{8}\b", await house.received())
        assert code
        await anne.submit("connexion/code/verification", code=code[0])
        assert anne.fields("besoin")["titre"] == ["Nettoyage des collèges"]


async def test_access_ends_with_one_click_and_with_all_that_lets_in(house: House) -> None:
    await house.invite()
    path = await house.link()
    async with browser_of(house) as anne, browser_of(house) as elsewhere:
        await anne.open(path)
        await anne.submit(path[1:])
        code = await house.ask_for_code(elsewhere)
        await house.desk.open("/admin/personnes")
        (form,) = re.findall(r'action="[./]*(admin/personnes/[0-9a-f-]{36})"', house.desk.page)
        await house.desk.submit(form, faire="retirer")
        assert "L’accès de cette personne est retiré" in house.desk.page
        assert (await anne.get("/annuaire")).status_code == 303
        await elsewhere.submit("connexion/code/verification", code=code)
        assert heading(elsewhere.page) == "Saisissez votre code"
        sent = len(house.mailbox.received)
        await house.ask_for_code(elsewhere)
        assert len(house.mailbox.received) == sent
    assert (await house.actions())[-1] == "person.removed"


async def test_an_administrator_invites_to_their_own_organisation_with_rights_of_their_own(house: House) -> None:
    other = await member(house.served, "match", "admin")
    async with browser_of(house) as second:
        await sign_in_as(second, other)
        await second.open("/admin/personnes")
        answer = await second.submit("admin/personnes", adresse="ß@x", nom="", portee=[])
        assert answer.status_code == 422
        for field in ("nom", "portee"):
            assert f'href="#{field}"' in second.page
        typed = {"adresse": "chef@e\u017fsonne", "nom": "Chef", "portee": ["match"]}
        assert 'href="#adresse"' in (await second.submit("admin/personnes", typed)).text
        typed["adresse"] = "chef@essonne.example"
        assert (await second.submit("admin/personnes", typed | {"portee": ["needs"]})).status_code == 403
        foreign = typed | {"organisation": str(house.boss.organisation_id)}
        assert (await second.submit("admin/personnes", foreign)).status_code in {403, 422}
        await house.invite()
        await second.open("/admin/personnes")
        assert house.anne not in second.page
    assert [mail["To"] for mail in house.mailbox.received if mail["To"] != house.anne] == []


async def test_keys_of_somebody_who_left_are_shown_to_those_who_stay(house: House) -> None:
    await house.invite("match", "admin")
    async with browser_of(house) as anne:
        await anne.open(await house.link())
        await anne.submit(next(iter(Fields(anne.page).forms)))
        await anne.open("/admin/cles")
        await anne.submit("admin/cles", nom="Portail", portee="match")
        await house.desk.open("/admin/cles")
        assert "accès retiré" not in house.desk.page
    await house.desk.open("/admin/personnes")
    (person,) = re.findall(r'href="[./]*(admin/personnes/[0-9a-f-]{36})"', house.desk.page)
    await house.desk.open(f"/{person}")
    await house.desk.submit(person, faire="retirer")
    await house.desk.open("/admin/cles")
    (path,) = re.findall(r'href="[./]*(admin/cles/[0-9a-f-]{36})">Portail<', house.desk.page)
    assert "Créée par Anne Le Goff, accès retiré" in said(house.desk.page)
    await house.desk.open(f"/{path}")
    assert "Créée par Anne Le Goff, accès retiré" in said(house.desk.page)
    await house.desk.submit(path)
    await house.desk.open("/admin/cles")
    assert "accès retiré" not in house.desk.page


async def test_an_erasure_takes_all_that_lets_in(house: House) -> None:
    await house.invite()
    await house.received()
    found = (await house.boss.post("/privacy/export", {"email": house.anne})).json()["holdings"]
    assert {each["field"] for each in found} == {"name", "email", "account"}
    assert (await house.boss.post("/privacy/erase", {"email": house.anne})).is_success
    async with browser_of(house) as anne:
        sent = len(house.mailbox.received)
        await house.ask_for_code(anne)
        assert len(house.mailbox.received) == sent
    assert (await house.boss.post("/privacy/export", {"email": house.anne})).json()["holdings"] == []


async def test_a_passkey_is_made_and_signs_in(
    house: House, windows: Windows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a real browser with an authenticator of its own: with the finger; one that signed in long ago makes none."""
    await house.invite("match", "read")
    path = await house.link()
    async with on_a_socket(house.served.app) as socket:
        address = socket.replace("127.0.0.1", "localhost")
        settings = replace(house.served.services.settings, public_url=address)
        monkeypatch.setattr(house.served.services, "settings", settings)
        window = windows.open()
        await asyncio.to_thread(make_passkey_and_use_it, window, address, path)
        (row,) = await house.of_its_people(passkeys)
        assert (row.sign_count > 0, row.used_at is not None) == (True, True)
        assert (await house.actions())[-3:] == ["person.signed_in", "person.passkey_created", "person.signed_in"]
        exported = (await house.boss.post("/privacy/export", {"email": house.anne})).json()["holdings"]
        assert "passkey" in {each["field"] for each in exported}
        house.ahead = timedelta(seconds=FRESH_SECONDS + 1)
        await asyncio.to_thread(see_that_a_late_session_makes_none, window, address)
        assert refused(window) == []


def make_passkey_and_use_it(window: Chrome, address: str, path: str) -> None:
    enter(window, address, None)
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    window.execute_cdp_cmd("WebAuthn.enable", {})
    window.execute_cdp_cmd("WebAuthn.addVirtualAuthenticator", {"options": device})
    window.get(f"{address}{path}")
    press(window, "main button[type=submit]")
    assert violations(window) == []
    appears(window, "form[data-passkey]:not([hidden])")
    press(window, "form[data-passkey] button")
    assert "The passkey is made" in window.find_element(By.TAG_NAME, "main").text
    press(window, ".leave button")
    window.get(f"{address}/connexion?suite=/annuaire")
    assert violations(window) == []
    form = "form[action$='connexion/passe']"
    appears(window, f"{form}:not([hidden])")
    press(window, f"{form} button")
    assert "/annuaire" in window.current_url
    assert "Anne Le Goff" in window.find_element(By.TAG_NAME, "header").text


def see_that_a_late_session_makes_none(window: Chrome, address: str) -> None:
    window.get(f"{address}/acces")
    assert window.find_elements(By.CSS_SELECTOR, "form[data-passkey]") == []


@dataclass
class Device:
    """A device with one passkey, which signs whatever it is asked for."""

    key: ec.EllipticCurvePrivateKey
    count: int = 0

    @property
    def public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def answer(self, page: str, *, origin: str = HERE, flags: int = 0b101, count: int | None = None) -> str:
        """The answer to the challenge of a page to sign in. `flags`: that a user is there (1) and was verified (4)."""
        found = re.search(r'data-passkey="([^"]+)"', page)
        assert found
        options = json.loads(unescape(found[1]))
        self.count += 1
        client = {"type": "webauthn.get", "challenge": options["challenge"], "origin": origin, "crossOrigin": False}
        told = json.dumps(client).encode()
        counted = (self.count if count is None else count).to_bytes(4, "big")
        seen = sha256(options["rpId"].encode()).digest() + bytes([flags]) + counted
        signed = self.key.sign(seen + sha256(told).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"clientDataJSON": told, "authenticatorData": seen, "signature": signed}
        response = {name: encoded(part) for name, part in parts.items()}
        id_ = encoded(b"a-passkey")
        return json.dumps({"id": id_, "rawId": id_, "type": "public-key", "response": response})


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


async def test_a_passkey_answers_one_challenge_once_for_this_origin_by_a_verified_user(house: House) -> None:
    await house.invite()
    device, now = Device(ec.generate_private_key(ec.SECP256R1())), house.served.services.now()
    (mail,) = await house.of_its_people(sign_in_mails)
    async with transaction(house.served.services.database) as connection:
        await insert_passkey(connection, Passkey(b"a-passkey", mail.person_id, device.public_key, 0, now))

    async def status(wrong: dict[str, Any], browser: Browser) -> int:
        await browser.open("/connexion")
        return (await browser.submit("connexion/passe", preuve=device.answer(browser.page, **wrong))).status_code

    async with browser_of(house) as anne, browser_of(house) as other:
        wrong: dict[str, Any]
        for wrong in ({"origin": "https://vivier.example.com"}, {"flags": 0b001}, {"flags": 0b100}):
            assert await status(wrong, anne) == 401
        await anne.open("/connexion")
        fields, proof = anne.fields("connexion/passe"), device.answer(anne.page)
        await other.open("/connexion")
        assert (await other.submit("connexion/passe", preuve=proof)).status_code == 401
        cookies = dict(anne.cookies)
        assert (await anne.submit("connexion/passe", preuve=proof)).status_code == 200
        assert "Anne Le Goff" in anne.page
        async with browser_of(house) as replayed:
            for name, text in cookies.items():
                replayed.cookies.set(name, text, domain="vivier.example.org")
            sent = urlencode({**fields, "preuve": proof}, doseq=True)
            assert (await replayed.post("/connexion/passe", content=sent, headers=FORM)).status_code == 401
        async with browser_of(house) as cloned:
            assert await status({"count": 1}, cloned) == 401
            house.ahead = timedelta(seconds=1)
            await cloned.open("/connexion")
            proof = device.answer(cloned.page)
            house.ahead = timedelta(minutes=11)
            assert (await cloned.submit("connexion/passe", preuve=proof)).status_code == 401


async def test_an_answer_that_proves_nobody_is_refused(house: House) -> None:
    async with browser_of(house) as thief:
        for proof in ("", "{}", '{"rawId": "AAAA"}', "[" * 20_000):
            await thief.open("/connexion")
            answer = await thief.submit("connexion/passe", preuve=proof)
            assert (answer.status_code, heading(thief.page)) == (401, "Se connecter")
        assert (await thief.submit("connexion/passe", moment="0", preuve='{"rawId": "AAAA"}')).status_code == 401
