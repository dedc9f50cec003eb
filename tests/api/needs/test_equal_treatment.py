"""Equal treatment over HTTP: the matrix of a need, from what is kept of it, and nobody else's."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from db.api_keys import create_key, ensure_organisation
from db.core.engine import transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_exchange, insert_message
from db.meetings import insert_meeting
from db.needs.needs import insert_need
from db.needs.shortlists import insert_shortlist, write_decision
from domain.exchanges.exchange import Exchange, Message
from domain.meetings.meeting import MeetingRequest, Participant
from domain.needs.status import StoredNeed
from tests.api.sync.factories import Client
from tests.domain.equal_treatment.samples import frozen, set_aside
from tests.domain.exchanges.samples import exchange, message, supplier

APRIL = datetime(2026, 4, 12, 9, tzinfo=UTC)


class Buyer:
    """An organisation with a need whose shortlist has suppliers A to E for lot 1."""

    def __init__(self, client: Client, organisation_id: UUID, secret: str, need: StoredNeed) -> None:
        self.client, self.organisation_id, self.need = client, organisation_id, need
        self.headers = {"Authorization": f"Bearer {secret}"}

    async def open(self, one: Exchange) -> Exchange:
        """Keep an exchange; the ids of its messages are new, in their order."""
        first, *others = (msgspec.structs.replace(each, id=new_id(each.created_at)) for each in one.messages)
        exchange = msgspec.structs.replace(one, id=new_id(first.created_at), need_id=self.need.id)
        async with transaction(self.client.services.database) as connection:
            await insert_exchange(connection, self.organisation_id, exchange, first)
            for each in others:
                await insert_message(connection, exchange.id, each)
        return msgspec.structs.replace(exchange, messages=(first, *others), deliveries=())

    async def say(self, one: Exchange, said: Message, **fields: Any) -> None:
        async with transaction(self.client.services.database) as connection:
            new = msgspec.structs.replace(said, id=new_id(said.created_at), **fields)
            await insert_message(connection, one.id, new)

    async def meet(self, letters: str) -> None:
        request = MeetingRequest(
            need_ids=(self.need.id,),
            format="half_day",
            title="Rencontre",
            starts_at=APRIL,
            ends_at=APRIL.replace(hour=12),
            agenda=(),
            participants=tuple(Participant("supplier", supplier(each), organisation=each) for each in letters),
        )
        async with transaction(self.client.services.database) as connection:
            await insert_meeting(connection, self.organisation_id, request, APRIL)

    async def ask(self, **headers: str) -> httpx.Response:
        path = f"/needs/{self.need.id}/equal-treatment"
        return await self.client.get(path, headers=self.headers | headers)

    async def gaps(self) -> set[tuple[str, str]]:
        matrix = (await self.ask()).json()
        return {(each["name"], gap["code"]) for each in matrix["suppliers"] for gap in each["gaps"]}


async def new_buyer(client: Client) -> Buyer:
    name, now = f"Hôpital {uuid4().hex}", client.services.now()
    version = frozen({"1": "ABCDE"}, ())
    async with transaction(client.services.database) as connection:
        organisation_id = await ensure_organisation(connection, name, now)
        secret, _ = await create_key(connection, name="test", organisation=name, scopes=["needs"], now=now)
        need = await insert_need(connection, organisation_id, version.need, now)
        first = msgspec.structs.replace(version, number=1)
        await insert_shortlist(connection, organisation_id, need, first, version.body)
    return Buyer(client, organisation_id, secret, need)


@pytest.fixture
async def buyer(served: Client) -> Buyer:
    return await new_buyer(served)


async def test_a_gap_put_there_on_purpose_is_named(buyer: Buyer) -> None:
    """All are asked; a question of B's is answered to all of a second exchange, to which D does not belong."""
    await buyer.open(exchange(message(1, "buyer"), to="ABCDE"))
    asked = exchange(message(2, "buyer"), message(3, "supplier", "B", "Quel volume ?", stance="question"), to="ABCE")
    kept = await buyer.open(asked)
    await buyer.say(kept, message(4, "buyer"), publishes=kept.messages[1].id, question="Quel volume ?")
    await buyer.meet("ABCDE")
    matrix = (await buyer.ask()).json()
    assert [each["name"] for each in matrix["suppliers"]] == list("ABCDE")
    assert [(gap["code"], gap["suppliers"]) for gap in matrix["gaps"]] == [
        ("missed_information", [{"supplier_id": str(supplier("D")), "name": "D"}]),
        ("missed_answer", [{"supplier_id": str(supplier("D")), "name": "D"}]),
    ]
    d = matrix["suppliers"][3]
    assert (d["contacted"], d["contact"]["code"]) == (None, "unconfirmed")
    assert [each["code"] for each in d["gaps"]] == ["missed_information", "missed_answer"]
    assert "la réponse du 3 mars 2026" in d["gaps"][1]["message"]
    assert "4 autres" in d["gaps"][1]["message"]
    b = matrix["suppliers"][1]
    assert [(each["text"], each["published"]) for each in b["answers"]] == [("Quel volume ?", True)]
    assert [each["title"] for each in b["meetings"]] == ["Rencontre"]


async def test_the_gap_closes_once_the_same_words_are_sent(buyer: Buyer) -> None:
    await buyer.open(exchange(message(1, "buyer", body="Le site ferme à 17 h"), to="ABCD", subject="Horaires"))
    assert await buyer.gaps() == {("E", "not_contacted")}
    await buyer.open(exchange(message(2, "buyer", body="Le site ferme à 17 h"), to="E", subject="Horaires"))
    assert await buyer.gaps() == set()


async def test_decisions_on_earlier_versions_tell_since_when(buyer: Buyer) -> None:
    """The first version's decision comes before the second exchange, that of the second version after it."""
    await buyer.open(exchange(message(1, "buyer"), to="ABCDE"))
    await buyer.open(exchange(message(3, "buyer"), to="ABCD", number=2))
    version = msgspec.structs.replace(frozen({"1": "ABCDE"}, ()), number=2)
    async with transaction(buyer.client.services.database) as connection:
        await insert_shortlist(connection, buyer.organisation_id, buyer.need, version, version.body)
        await write_decision(connection, buyer.need.id, 2, set_aside("E", at=message(4, "buyer").created_at))
    assert await buyer.gaps() == {("E", "missed_information")}
    async with transaction(buyer.client.services.database) as connection:
        await write_decision(connection, buyer.need.id, 1, set_aside("E", at=message(2, "buyer").created_at))
    assert await buyer.gaps() == set()


async def test_messages_are_in_the_language_asked_for_and_codes_stay(buyer: Buyer) -> None:
    await buyer.open(exchange(message(1, "buyer"), to="ABC"))
    french, english = (await buyer.ask()).json(), (await buyer.ask(**{"Accept-Language": "en"})).json()
    assert english["gaps"][0]["message"].startswith(
        "2 suppliers were not contacted, though a message was prepared for 3 others"
    )
    assert english["suppliers"][4]["gaps"][0]["message"].startswith(
        "E was not contacted, though a message was prepared for 3 others"
    )
    assert [each["code"] for each in english["gaps"]] == [each["code"] for each in french["gaps"]]
    assert "écarts relevés : 1" in french["statement"]
