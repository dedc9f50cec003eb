"""From a message to its answer, by e-mail and the link in it; and who asked stays unknown all the way."""

import asyncio
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.cli import main
from domain.text.bilingual import PARIS, long_date
from tests.api.conftest import JOURNAL_KEY
from tests.api.exchanges.steps import BROWSER, Opened, keyless, opened, opening, some_suppliers
from tests.api.mailbox import PUBLIC_URL, Mailbox, PostOffice, all_sent
from tests.api.needs.steps import create
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, path_of, put_record, record, siret

SUBSCRIBERS = ("anne", "paul", "zoe")


async def asked_by_email(client: Client, **fields: Any) -> Opened:
    """An exchange with three suppliers who have an address, about a need of its own."""
    stored = [
        await put_record(client, "annuaire", name, name=f"Ateliers {name}", contact={"email": f"{name}@{name}.example"})
        for name in SUBSCRIBERS
    ]
    need = await create(client)
    answer = await opening(client, f"/needs/{need['id']}", [each["supplier_id"] for each in stored], **fields)
    assert answer.status_code == 201, answer.text
    return opened(client, answer)


def link_in(text: str) -> str:
    """The path of the reply link in an e-mail."""
    (url,) = (line for line in text.splitlines() if line.startswith(PUBLIC_URL))
    return httpx.URL(url).path


async def test_an_answer_comes_by_the_link_in_an_email(office: PostOffice) -> None:
    client, mailbox, _ = office
    asked = "Pourriez-vous tondre ?\n.\nMerci – à bientôt"
    exchange = await asked_by_email(client, body=asked)
    assert exchange.answer["to_be_delivered_by_you"] == []
    shown = await all_sent(exchange)
    assert {each["state"] for each in shown["messages"][0]["deliveries"]} == {"sent"}
    (mail,) = (each for each in mailbox.received if each["To"] == "anne@anne.example")
    assert (mail["From"], mail["Subject"]) == (
        "Un acheteur public <sourcing@example.org>",
        "Un acheteur public : Tonte",
    )
    text = mail.get_content().replace("\r\n", "\n")
    assert asked in text
    seen = (await keyless(client, "GET", link_in(text))).json()
    until = datetime.fromisoformat(seen["link_expires_at"]).astimezone(PARIS)
    last = long_date(until.date() - timedelta(days=1)).fr
    assert (until.time(), f"jusqu'au {last}" in text) == (time(), True)
    page = await keyless(client, "GET", link_in(text), headers=BROWSER)
    assert "Pourriez-vous tondre ?" in page.text
    sent = await keyless(client, "POST", link_in(text), headers=BROWSER, data={"body": "Volontiers"})
    assert sent.status_code == 303
    last = (await exchange.shown())["messages"][-1]
    assert (last["body"], last["supplier_id"]) == ("Volontiers", exchange.suppliers[0])
    # who has no address or no link is left to the buyer, and so is a message that goes by another channel
    no_address = await put_record(client, "annuaire", "nul", name="Sans adresse")
    need, recipients = f"/needs/{exchange.answer['need_id']}", [exchange.suppliers[0], no_address["supplier_id"]]
    second = opened(client, await opening(client, need, recipients))
    by_hand = [each["supplier_id"] for each in second.answer["to_be_delivered_by_you"]]
    assert by_hand == [no_address["supplier_id"]]
    await client.delete(f"{second.path}/recipients/{exchange.suppliers[0]}/reply-link")
    written = await second.write(body="Et en mai ?")
    by_post = await second.write(body="Par courrier", channel="letter")
    for answer in (written, by_post):
        assert {each["state"] for each in answer.json()["deliveries"]} == {"to_be_delivered_by_you"}
        assert answer.json()["body"] in answer.json()["letter"]["text"]
    await all_sent(second)
    assert "Et en mai" not in "".join(mail.get_content() for mail in mailbox.received)


@dataclass
class Supplier:
    """A supplier of the story: what of it nobody else may learn."""

    number: int
    name: str
    secrets: list[str] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


class Story:
    """Anything that may happen in a thread, drawn from a seed; words that a question is published in become public."""

    def __init__(self, seed: int, exchange: Opened) -> None:
        self.draw, self.exchange, self.words = random.Random(seed), exchange, 0
        self.cast = [Supplier(number, name) for number, name in enumerate(SUBSCRIBERS)]
        for each in self.cast:
            number = siret(path_of("annuaire", each.name))
            each.secrets = [each.name, number, number[:9], exchange.suppliers[each.number]]

    async def go_on(self) -> None:
        """One more act."""
        who = self.draw.choice(self.cast)
        await self.draw.choice(
            [self.reply, self.reply, self.fill_in, self.note, self.correct, self.tell, self.publish]
        )(who)

    def secret(self, who: Supplier) -> str:
        self.words += 1
        who.secrets.append(f"mot{self.words}x")
        return who.secrets[-1]

    async def reply(self, who: Supplier) -> None:
        stance = self.draw.choice(["question", "question", "declined", None])
        confidential = self.draw.random() < 0.3
        word = self.secret(who)
        said = await self.exchange.reply(who.number, body=word, stance=stance, confidential=confidential)
        who.messages.append(said["id"])
        if stance == "question" and not confidential:
            who.questions.append({"id": said["id"], "words": [word]})

    async def fill_in(self, who: Supplier) -> None:
        data = {"body": self.secret(who), "barriers": "other", "barriers_note": self.secret(who)}
        answer = await keyless(
            self.exchange.client, "POST", self.exchange.links[who.number], headers=BROWSER, data=data
        )
        assert answer.status_code == 303

    async def note(self, who: Supplier) -> None:
        answer = await self.exchange.write(
            author="supplier", supplier_id=self.exchange.suppliers[who.number], body=self.secret(who)
        )
        who.messages.append(answer.json()["id"])

    async def correct(self, who: Supplier) -> None:
        if who.questions:
            question = self.draw.choice(who.questions)
            word = self.secret(who)
            said = await self.exchange.reply(who.number, body=word, corrects=question["id"], stance="question")
            who.messages.append(said["id"])
            question["words"].append(word)

    async def tell(self, who: Supplier) -> None:
        answer = await self.exchange.write(supplier_id=self.exchange.suppliers[who.number], body=self.secret(who))
        who.messages.append(answer.json()["id"])

    async def publish(self, who: Supplier) -> None:
        if who.questions:
            question = who.questions.pop(self.draw.randrange(len(who.questions)))
            answer = await self.exchange.publish(question["id"], answer=f"Réponse aux ateliers {who.name} : non")
            assert answer.json()["errors"][0]["code"] == "names_the_asker"
            answer = await self.exchange.publish(question["id"], answer="Non")
            assert answer.status_code == 201, answer.text
            who.secrets.remove(question["words"][-1])


@pytest.mark.parametrize("seed", range(2))
async def test_nobody_learns_who_asked_or_what_others_said(seed: int, office: PostOffice) -> None:
    """Whatever happens, in all that a recipient can fetch or is sent: JSON, page, headers, refusals, e-mails."""
    client, mailbox, _ = office
    exchange = await asked_by_email(client)
    story = Story(seed, exchange)
    for _ in range(24):
        await story.go_on()
    await all_sent(exchange)
    for reader in story.cast:
        material = await all_that_reaches(exchange, mailbox, reader, story)
        assert reader.name in material
        for other in story.cast:
            if other is not reader:
                told = [secret for secret in (*other.secrets, *other.messages) if secret in material]
                assert told == []


async def all_that_reaches(exchange: Opened, mailbox: Mailbox, reader: Supplier, story: Story) -> str:
    link, client = exchange.links[reader.number], exchange.client
    guesses = [message for each in story.cast if each is not reader for message in each.messages]
    answers = [await keyless(client, "GET", link), await keyless(client, "GET", link, headers=BROWSER)]
    for guess in guesses[:3]:
        answers.append(await keyless(client, "POST", link, json={"body": "x", "corrects": guess}))
        answers.append(await keyless(client, "GET", f"{link}?sent={guess}&corrects={guess}", headers=BROWSER))
    fetched = "\n".join(f"{answer.headers}\n{answer.text}" for answer in answers)
    own = f"{reader.name}@{reader.name}.example"
    mails = [mail for mail in mailbox.received if mail["To"] == own]
    assert mails
    return fetched + "\n".join(f"{mail.items()}\n{mail.get_content()}" for mail in mails)


async def test_an_organisation_sends_so_many_emails_a_day(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond them nothing is stored, and the refusal says when to try again; other channels go on."""
    client, mailbox, clock = office
    clock.jump = timedelta(days=40)  # of its e-mails only those of this test are of the last day
    exchange = await asked_by_email(client)
    services = client.services
    monkeypatch.setattr(services, "settings", replace(services.settings, emails_per_day=5))
    refused = await exchange.write()
    assert_refused(refused, 429, "email-quota")
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
    assert (await exchange.write(supplier_id=exchange.suppliers[0])).status_code == 201
    assert (await exchange.write(channel="phone")).status_code == 201
    monkeypatch.setattr(services, "settings", replace(services.settings, emails_per_day=2))
    assert_refused(await exchange.write(), 422, "invalid-content")
    assert len((await all_sent(exchange))["messages"]) == 3
    assert len(mailbox.received) == 4
    clock.jump += timedelta(hours=25)
    monkeypatch.setattr(services, "settings", replace(services.settings, emails_per_day=3))
    assert (await exchange.write()).status_code == 201
    await all_sent(exchange)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def test_an_exchange_keeps_its_order_and_its_journal(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """E-mails go out, messages stay in the order of writing, changes are followed, and the journal verifies."""
    client, mailbox, clock = office
    suppliers = await some_suppliers(client, "annuaire", contact={"email": "jardin@jardin.example"})
    need = await create(client)
    exchange = opened(client, await opening(client, f"/needs/{need['id']}", suppliers))
    await all_sent(exchange)
    for number, clock.jump in enumerate((HOUR, -DAY, 2 * HOUR, -HOUR, timedelta())):
        assert (await exchange.write(body=f"Message {number}")).status_code == 201
        await exchange.reply(0, body=f"Réponse {number}")
        await all_sent(exchange)
        stored = await client.put(path_of("annuaire", "a"), json=record("a", description=f"Au saut {number}"))
        await client.services.directory.wait_beyond(stored.json()["data_version"] - 1, 60)
        assert client.services.directory.index.data_version >= stored.json()["data_version"]
    messages = (await exchange.shown())["messages"]
    assert [each["body"] for each in messages][1:] == [
        text.format(number) for number in range(5) for text in ("Message {}", "Réponse {}")
    ]
    times = [datetime.fromisoformat(each["created_at"]) for each in messages]
    assert times == sorted(times)
    assert len(mailbox.received) == 2 * 6
    monkeypatch.setenv("DATABASE_URL", client.services.settings.database_url or "")
    monkeypatch.setenv("VIVIER_JOURNAL_KEY", JOURNAL_KEY)
    assert await asyncio.to_thread(main, ["audit", "verify"]) == 0


def links_of(exchange: Opened, number: int) -> str:
    return f"{exchange.path}/recipients/{exchange.suppliers[number]}/reply-link"


async def test_a_revoked_link_leads_nowhere(served: Client, exchange: Opened) -> None:
    assert (await served.delete(links_of(exchange, 0))).status_code == 204
    assert_refused(await served.get(exchange.links[0]), 404, "not-found")
    assert_refused(await served.post(exchange.links[0], json={"body": "x"}), 404, "not-found")
    assert_refused(await served.delete(links_of(exchange, 0)), 404, "not-found")
    await exchange.seen(1)
    revoked = {each["supplier_id"]: each["reply_link_expires_at"] for each in (await exchange.shown())["recipients"]}
    assert revoked[exchange.suppliers[0]] is None


async def test_a_new_link_comes_with_its_text_and_again_where_it_is_asked_twice(
    served: Client, exchange: Opened, source: str
) -> None:
    await served.delete(links_of(exchange, 0))
    key = {"Idempotency-Key": source}
    answers = [await served.post(links_of(exchange, 0), headers=key) for _ in range(2)]
    assert (answers[0].status_code, answers[0].content) == (201, answers[1].content)
    given = answers[0].json()
    assert given["url"] in given["letter"]["text"]
    assert (await served.get(given["url"])).json()["recipient"] == f"Jardin {source} 1"
    nobody = f"{exchange.path}/recipients/{uuid4()}/reply-link"
    assert_refused(await served.post(nobody), 404, "not-found")
    assert_refused(await served.delete(nobody), 404, "not-found")
