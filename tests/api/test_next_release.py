"""This release beside the next one, on one database: it starts, reads what that one wrote, follows it and keeps it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
from sqlalchemy import text

from api.app import create_app
from api.settings import read_settings
from db import migrate
from db.api_keys import find_client
from db.core.engine import transaction
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, JOURNAL_KEY, alive
from tests.api.desk.steps import Browser, sign_in_as
from tests.api.organisations import Member
from tests.api.sync.factories import NDJSON, Client, path_of, put, put_record, record
from tests.api.test_isolation import OPERATIONS, SHOWN, Party, party, paths_of
from tests.conftest import copied
from tests.later_release import ADDED, write_as_a_later_release

READ = [route for method, route in OPERATIONS if method == "GET"]
OPENED = [path for method, path in SHOWN if method == "GET"]
MATCHED = {"lots": [{"id": "1", "segments": ["ev-entretien"]}], "territory": {"codes": ["commune:56178"]}}
WHOLE_RECORD: dict[str, Any] = {
    "shares": {"disadvantaged": 0.8},
    "approvals": [{"kind": "ACI", "valid_from": "2025-01-01"}],
    "contact": {"email": "bonjour@jardins.example", "person": "Zoé Kervoal"},
    "public_awards": [{"buyer": "Ville de Pontivy", "object": "Tonte", "notified_on": "2026-01-05"}],
    "offers": [
        {
            "segments": ["ev-entretien"],
            "service_area": {"radius_km": 40},
            "basis": "inferred",
            "evidence": [{"kind": "words", "label": "jardins"}],
        }
    ],
}
NEED = {
    "lots": [{"id": "1", "segments": ["ev-entretien"], "reserved": ["iae"], "site": {"commune": "56178"}}],
    "buyer": {"name": "Ville de Pontivy", "siret": "21560178700017"},
    "territory": {"near": {"commune": "56178"}, "radius_km": 30},
    "planned_publication_on": "2027-02-01",
}


class Beside(NamedTuple):
    """A client of this release on a database of the next one, whose it is, and what was answered before.

    `by_running_server`: what a server answered that ran while the next release migrated.
    """

    client: Client
    party: Party
    need: str
    before: dict[str, int]
    by_running_server: dict[str, int]


@asynccontextmanager
async def serving(url: str, home: Path, reference: Reference) -> AsyncIterator[Client]:
    """This release on a database; its index is in a folder of its own, as after a start on another machine."""
    await asyncio.to_thread(migrate.upgrade, url)
    settings = {"VIVIER_ADMIN_KEY": ADMIN_KEY, "DATABASE_URL": url, "VIVIER_JOURNAL_KEY": JOURNAL_KEY}
    app = create_app(read_settings(settings | {"VIVIER_HOME": str(home)}), reference)
    async with alive(app), Client(app, ADMIN_KEY) as client:
        await client.services.directory.wait_beyond(-1, 60)
        assert (await client.get("/health/ready")).status_code == 200
        yield client


def paths(routes: list[str], whose: Party) -> list[str]:
    """The paths with the ids of a party; without the feed of changes, which holds its answer."""
    filled = dict.fromkeys(path for route in routes for path in paths_of(route, whose, whose))
    return [path for path in filled if path != "/suppliers/changes"]


async def read_all(client: Client, whose: Party) -> dict[str, int]:
    """The status of every reading operation and page, by path."""
    member = whose_client(client, whose)
    found = {path: (await member.get(path)).status_code for path in paths(READ, whose)}
    async with Browser(client.app) as browser:
        await sign_in_as(browser, whose.member)
        return found | {f"page {path}": (await browser.get(path)).status_code for path in paths(OPENED, whose)}


def whose_client(client: Client, whose: Party) -> Member:
    found = Member(client, whose.member.organisation_id, "", whose.member.key)
    found.headers = whose.member.headers
    return found


@pytest.fixture(scope="module")
async def beside(
    server_url: str,
    administrator: "asyncpg.Connection[asyncpg.Record]",
    template: str,
    reference: Reference,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Beside]:
    async with copied(server_url, administrator, template) as url:
        async with serving(url, tmp_path_factory.mktemp("before"), reference) as client:
            whose = await party(client, "avant")
            await put_record(client, whose.ids["source"], "whole", **WHOLE_RECORD)
            made = await whose.member.post("/needs", NEED)
            await put(client, f"/sources/{whose.ids['source']}", {"mapping": {"categories": {"7": ["ev-entretien"]}}})
            before = await read_all(client, whose)
            async with transaction(client.services.database) as connection:
                await write_as_a_later_release(connection)
            by_running_server = await read_all(client, whose)
        async with serving(url, tmp_path_factory.mktemp("after"), reference) as client:
            yield Beside(client, whose, made.json()["need"]["id"], before, by_running_server)


async def stored(beside: Beside, query: str) -> Any:
    async with transaction(beside.client.services.database) as connection:
        return json.loads(await connection.scalar(text(query)))


async def test_all_that_could_be_read_before_can_be_read(beside: Beside) -> None:
    """What was refused, as a page of something that is not there, is refused again."""
    assert max(beside.before.values()) < 500
    assert list(beside.before.values()).count(200) > 80
    assert beside.by_running_server == beside.before
    assert await read_all(beside.client, beside.party) == beside.before


async def test_the_index_is_built_from_it_and_follows_what_changes(beside: Beside) -> None:
    source = beside.party.ids["source"]
    changed = await put_record(beside.client, source, "whole", **WHOLE_RECORD | {"name": "Jardins renommés"})
    await beside.client.services.directory.wait_beyond(changed["data_version"] - 1, 60)
    assert beside.client.services.directory.index.data_version >= changed["data_version"]
    answer = await beside.client.post("/match", json=MATCHED)
    assert "Jardins renommés" in answer.text
    assert (await beside.client.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("by", ["put", "import"])
async def test_a_record_sent_again_keeps_what_the_next_release_knows_of_it(beside: Beside, by: str) -> None:
    """At every level where the objects correspond, in the record and in the supplier that it describes."""
    source = beside.party.ids["source"]
    fields = WHOLE_RECORD | {"name": f"Jardins, par {by}", "employees": 12}
    if by == "put":
        await put_record(beside.client, source, "whole", **fields)
    else:
        row = json.dumps(record(path_of(source, "whole"), **fields) | {"external_id": "whole"})
        sent = await beside.client.post(f"/sources/{source}/imports", content=row, headers={"Content-Type": NDJSON})
        assert sent.json()["changed"] == 1, sent.text
    payload = await stored(beside, f"SELECT payload FROM records WHERE source = '{source}' AND external_id = 'whole'")
    document = await stored(
        beside,
        "SELECT document FROM suppliers JOIN records ON supplier_id = id"
        f" WHERE source = '{source}' AND external_id = 'whole'",
    )
    for found in (payload, document):
        assert (found["name"], found["employees"]) == (fields["name"], 12)
        offer = found["offers"][0]
        parts = (found, offer, offer["service_area"], offer["evidence"][0], found["approvals"][0], found["contact"])
        assert all(ADDED in part for part in (*parts, found["public_awards"][0]))


async def test_a_need_changed_here_keeps_what_the_next_release_knows_of_it(beside: Beside) -> None:
    member = whose_client(beside.client, beside.party)
    changed = await member.patch(f"/needs/{beside.need}", {"title": "Espaces verts"})
    assert changed.status_code == 200, changed.text
    content = await stored(beside, f"SELECT content FROM needs WHERE id = '{beside.need}'")
    lot, place = content["lots"][0], content["territory"]["near"]
    assert content["title"] == "Espaces verts"
    assert all(ADDED in part for part in (content, lot, lot["site"], content["buyer"], content["territory"], place))


async def test_a_meeting_changed_here_keeps_columns_and_fields_of_the_next_release(beside: Beside) -> None:
    member, meeting = whose_client(beside.client, beside.party), beside.party.ids["meeting"]
    async with transaction(beside.client.services.database) as connection:
        await connection.execute(text(f"UPDATE meeting_participants SET {ADDED} = 'à distance'"))
    planned = {"place": {"name": "Mairie"}, "agenda": [{"title": "Accueil", "minutes": 10}]}
    assert (await member.patch(f"/meetings/{meeting}", planned)).status_code == 200
    async with transaction(beside.client.services.database) as connection:
        await connection.execute(
            text(
                f"""UPDATE meetings SET place = '{{"name": "Mairie", "floor": 2}}',
                agenda = '[{{"title": "Accueil", "minutes": 10, "room": "A"}}]' WHERE id = '{meeting}'"""
            )
        )
    roles = [{"role": "network", "name": "Paul"}, {"role": "buyer", "name": "avant"}]
    longer = {"participants": roles, "agenda": [{"title": "Accueil", "minutes": 20}], "place": {"commune": "56178"}}
    answer = await member.patch(f"/meetings/{meeting}", longer)
    assert [each["name"] for each in answer.json()["participants"]] == ["Paul", "avant"], answer.text
    place = await stored(beside, f"SELECT place FROM meetings WHERE id = '{meeting}'")
    agenda = await stored(beside, f"SELECT agenda FROM meetings WHERE id = '{meeting}'")
    assert (place["floor"], agenda[0]["room"], agenda[0]["minutes"]) == (2, "A", 20)
    async with transaction(beside.client.services.database) as connection:
        query = f"SELECT {ADDED} FROM meeting_participants WHERE meeting_id = '{meeting}' ORDER BY position"
        assert (await connection.scalars(text(query))).all() == ["x", "à distance"]


async def test_settings_and_rights_keep_what_the_next_release_knows_of_them(beside: Beside) -> None:
    """Of a source, of a webhook and of a key; this one shows and opens what it knows, and is strict as ever."""
    member, ids = whose_client(beside.client, beside.party), beside.party.ids
    source, webhook = ids["source"], ids["webhook"]
    answer = await put(beside.client, f"/sources/{source}", {"label": "Réseau"})
    assert answer.status_code == 200, answer.text
    assert ADDED in await stored(beside, f"SELECT mapping FROM sources WHERE name = '{source}'")
    async with transaction(beside.client.services.database) as connection:
        await connection.execute(text(f"UPDATE webhooks SET events = '{{need.published}}' WHERE id = '{webhook}'"))
        query = f"UPDATE api_keys SET scopes = scopes || ARRAY['archive'] WHERE id = '{member.key.id}'"
        await connection.execute(text(query))
        secret = member.headers["Authorization"].removeprefix("Bearer ")
        found = await find_client(connection, secret, beside.client.services.now())
    assert (await member.get(f"/webhooks/{webhook}")).json()["events"] == []
    changed = await member.patch(f"/webhooks/{webhook}", {"events": ["suppliers.changed"]})
    assert changed.json()["events"] == ["suppliers.changed"], changed.text
    events = await stored(beside, f"SELECT to_json(events) FROM webhooks WHERE id = '{webhook}'")
    assert events == ["suppliers.changed", "need.published"]
    assert found is not None
    assert set(found.scopes) == set(member.key.scopes)
    assert (await member.get("/keys")).status_code == 200
    refused = await beside.client.post("/match", json=MATCHED | {ADDED: 1})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{ADDED}")


async def test_all_that_is_written_before_can_be_written(beside: Beside) -> None:
    """Shortlists, decisions, messages, awards: on needs and exchanges of the next release."""
    member, ids = whose_client(beside.client, beside.party), beside.party.ids
    frozen = await member.post(f"/needs/{ids['need']}/shortlists")
    listed = (await member.get(f"/needs/{ids['need']}/shortlists/1")).json()["lots"][0]["candidates"][0]["supplier"]
    decided = await member.patch(
        f"/needs/{ids['need']}/shortlists/1/suppliers/{listed['id']}", {"lot_id": "1", "decision": "set_aside"}
    )
    said = await member.post(f"/exchanges/{ids['exchange']}/messages", {"author": "buyer", "body": "Bonjour"})
    assert [each.status_code for each in (frozen, decided, said)] == [201, 200, 201], (frozen.text, said.text)
    assert re.fullmatch(r"[0-9a-f-]{36}", said.json()["id"])
