"""Meetings over HTTP, and the address of their calendar that opens without a key and ends with one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import icalendar
import pytest
from sqlalchemy import select, update

from db.api_keys import revoke_key
from db.core.engine import transaction
from db.journal.entries import entries
from db.needs.needs import insert_need
from db.schema.organisation_tables import calendar_feeds, meetings
from db.schema.supplier_tables import api_keys
from domain.meetings.meeting import AgendaItem, MeetingPlace
from domain.needs.need import Lot, PlannedNeed
from tests.api.conftest import ADMIN_KEY
from tests.api.needs.steps import meeting_about
from tests.api.organisations import Member, member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import NOBODY, Client, put_record

CONTENT = PlannedNeed(lots=(Lot(id="1", segments=("de-biodechets",)),))


class Buyer(Member):
    """Somebody of an organisation of its own, with needs and meetings."""

    async def need(self) -> str:
        async with transaction(self.client.services.database) as connection:
            need = await insert_need(connection, self.organisation_id, CONTENT, self.client.services.now())
        return str(need.id)

    async def plan(self, **fields: Any) -> dict[str, Any]:
        answer = await self.ask(**fields)
        assert answer.status_code == 201, answer.text
        meeting: dict[str, Any] = answer.json()
        return meeting

    async def ask(self, **fields: Any) -> Any:
        usual = {"format": "half_day", "title": "Filières de recyclage"}
        need = "" if "need_ids" in fields else await self.need()
        return await self.post("/meetings", meeting_about(need, **usual | fields))

    async def change(self, meeting: dict[str, Any], change: dict[str, Any], **headers: str) -> Any:
        return await self.patch(f"/meetings/{meeting['id']}", change, **headers)


async def new_buyer(client: Client) -> Buyer:
    made = await member(client, "needs")
    return Buyer(client, made.organisation_id, made.headers["Authorization"].removeprefix("Bearer "), made.key)


@pytest.fixture
async def buyer(served: Client) -> Buyer:
    return await new_buyer(served)


async def test_half_a_day_is_kept_as_it_was_planned(buyer: Buyer, source: str) -> None:
    supplier = (await put_record(buyer.client, source))["supplier_id"]
    people = [
        {"role": "supplier", "supplier_id": supplier, "name": "Jeanne Martin"},
        {"role": "buyer", "name": "Paul Le Goff", "organisation": "CHBA", "attended": True},
        {"role": "network", "organisation": "CRESS"},
    ]
    meeting = await buyer.plan(
        participants=people,
        place={"name": "Salle A", "commune": "56260"},
        follow_ups=[{"what": "Envoyer les tonnages", "who": "Paul Le Goff", "due_on": "2026-12-15"}],
    )

    shown = await buyer.get(f"/meetings/{meeting['id']}")
    assert shown.json() == meeting
    assert shown.headers["etag"] == '"1"'
    assert [part["minutes"] for part in meeting["agenda"]] == [75, 15, 90]
    assert [each["organisation"] for each in meeting["participants"]] == ["Les Jardins du Blavet", "CHBA", "CRESS"]
    assert (meeting["follow_ups"][0]["who"], meeting["follow_ups"][0]["done"]) == ("Paul Le Goff", False)
    again = await buyer.get(f"/meetings/{meeting['id']}", **{"If-None-Match": shown.headers["etag"]})
    assert again.status_code == 304


async def test_a_meeting_is_about_a_territory_before_there_is_a_need(buyer: Buyer) -> None:
    """Or about a need, or both; never about nothing, nor about what is unknown."""
    about = {"territory": {"codes": ["departement:56"]}, "segments": ["de-bio"]}
    meeting = await buyer.plan(need_ids=[], **about)
    assert {name: meeting[name] for name in ("need_ids", "territory", "segments")} == {"need_ids": [], **about}
    assert (await buyer.get(f"/meetings/{meeting['id']}")).json() == meeting
    changed = await buyer.change(meeting, {"segments": [], "minutes": "Rien sur le compost"})
    assert (changed.status_code, changed.json()["segments"], changed.json()["version"]) == (200, [], 2)
    refused = await buyer.ask(need_ids=[], territory={"codes": ["departement:00"]}, segments=["de-boi"])
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/segments/0", "/territory/codes/0"]
    assert [error["pointer"] for error in (await buyer.ask(need_ids=[])).json()["errors"]] == ["/need_ids"]
    assert_refused(await buyer.change(meeting, {"territory": None}), 422, "invalid-content")


async def test_badges_are_a_table_or_sheets_of_eight(buyer: Buyer) -> None:
    """Of those who are not known to stay away; nobody else's."""
    people: list[dict[str, Any]] = [
        {"role": "buyer", "name": f"Anne {n}", "organisation": f"Ville {n}"} for n in range(8)
    ]
    people += [
        {"role": "network", "organisation": "CRESS"},
        {"role": "buyer", "name": "Malade", "organisation": "Ville", "attended": False},
    ]
    meeting = await buyer.plan(participants=people)
    path = f"/meetings/{meeting['id']}/badges"
    table = await buyer.get(path, accept="text/csv")
    assert table.headers["content-disposition"] == 'attachment; filename="badges-2026-12-01.csv"'
    assert table.text.splitlines()[:3] == ["name,organisation,role", ",CRESS,network", "Anne 0,Ville 0,buyer"]
    assert "Malade" not in table.text
    sheets = await buyer.get(path, accept="application/pdf")
    assert sheets.content.startswith(b"%PDF")
    assert b"/Type/Pages/Count 2" in sheets.content
    other = await new_buyer(buyer.client)
    assert (await other.get(path)).status_code == 404


async def test_everything_wrong_is_told_at_once(buyer: Buyer) -> None:
    answer = await buyer.ask(
        need_ids=[str(NOBODY)],
        ends_at="2026-12-01T09:00:00+01:00",
        place={"commune": "99999"},
        participants=[{"role": "supplier", "supplier_id": str(NOBODY)}],
    )
    assert_refused(answer, 422, "invalid-content")
    assert {(error["pointer"], error["code"]) for error in answer.json()["errors"]} == {
        ("/need_ids/0", "unknown_need"),
        ("/ends_at", "invalid_period"),
        ("/place/commune", "unknown_code"),
        ("/participants/0/supplier_id", "unknown_supplier"),
    }


async def test_a_change_names_the_version_it_was_made_on(buyer: Buyer) -> None:
    """The journal tells of each change, and of nobody."""
    meeting = await buyer.plan(participants=[{"role": "buyer", "name": "Anne Kermarrec"}])
    changed = await buyer.change(meeting, {"minutes": "Tonnages présentés", "status": "held"}, **{"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["version"], changed.headers["etag"]) == (2, '"2"')
    assert changed.json()["participants"] == meeting["participants"]

    assert_refused(await buyer.change(meeting, {"minutes": None}, **{"If-Match": '"1"'}), 412, "stale-version")
    same = await buyer.change(meeting, {"status": "held"})
    assert same.json()["version"] == 2
    assert_refused(await buyer.change(meeting, {"status": "planned"}), 409, "conflict")
    assert_refused(await buyer.change(meeting, {"id": str(NOBODY)}), 422, "invalid-content")
    assert (await buyer.change(meeting, {"title": "Autre titre"})).json()["version"] == 3
    async with transaction(buyer.client.services.database) as connection:
        found = await entries(connection, buyer.organisation_id, f"meeting:{meeting['id']}", 0, 50)
    told = [(entry.action, entry.version) for entry in found]
    assert told == [("meeting.created", 1), ("meeting.held", 2), ("meeting.changed", 3)]
    assert found[2].detail == {"fields": ["title"]}
    assert "Kermarrec" not in str(found)


async def test_meetings_are_listed_as_they_start(buyer: Buyer) -> None:
    need = await buyer.need()
    days = {"2026-12-03": None, "2026-11-30": None, "2026-12-01": None}
    for day in days:
        await buyer.plan(need_ids=[need], title=day, starts_at=f"{day}T23:30:00+01:00", ends_at=f"{day}T23:45:00+01:00")
    await buyer.plan(title="autre besoin")

    async def titles(query: str) -> list[str]:
        return [item["title"] for item in (await buyer.get(f"/meetings?{query}")).json()["items"]]

    assert await titles(f"need={need}") == sorted(days)
    assert await titles(f"need={need}&from=2026-12-01&to=2026-12-01") == ["2026-12-01"]
    assert await titles(f"need={need}&from=0001-01-01&to=9999-12-31") == sorted(days)
    first = (await buyer.get(f"/meetings?need={need}&limit=2")).json()
    assert await titles(f"need={need}&limit=2&cursor={first['next_cursor']}") == ["2026-12-03"]


async def test_calendars_are_told_of_a_move_and_of_a_cancellation(buyer: Buyer) -> None:
    """In the time of Paris, under an identifier that never changes, without naming a person."""
    meeting = await buyer.plan(
        participants=[{"role": "buyer", "name": "Anne Kermarrec"}], place={"name": "Mairie", "commune": "56260"}
    )
    await buyer.change(meeting, {"minutes": "rien que calendriers doivent savoir"})
    await buyer.change(meeting, {"starts_at": "2026-12-01T10:00:00+01:00", "ends_at": "2026-12-01T13:00:00+01:00"})
    one = await buyer.get(f"/meetings/{meeting['id']}.ics")
    assert one.headers["content-type"].startswith("text/calendar")
    (event,) = icalendar.Calendar.from_ical(one.content).walk("VEVENT")
    assert (event["uid"], event["sequence"], event["status"]) == (f"{meeting['id']}@vivier", 1, "CONFIRMED")
    start: Any = event["dtstart"]
    assert start.params["TZID"] == "Europe/Paris"
    assert start.dt == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert event["location"] == "Mairie, Vannes"
    assert "Kermarrec" not in one.text

    await buyer.change(meeting, {"status": "cancelled"})
    gone = icalendar.Calendar.from_ical((await buyer.get(f"/meetings/{meeting['id']}.ics")).content)
    (event,) = gone.walk("VEVENT")
    assert (gone["method"], event["status"], event["sequence"]) == ("CANCEL", "CANCELLED", 2)

    await buyer.plan(title="À venir")
    feed = await buyer.get("/meetings.ics")
    assert len(icalendar.Calendar.from_ical(feed.content).walk("VEVENT")) == 2
    assert (await buyer.get("/meetings.ics", **{"If-None-Match": feed.headers["etag"]})).status_code == 304


INJECTED = "https://visio.exemple.fr/1\r\nATTACH:https://autre.exemple/2"


async def test_a_line_of_a_calendar_is_one_line(buyer: Buyer) -> None:
    meeting = await buyer.plan()
    long_agenda = [{"title": "a\u2028b", "minutes": 5}]
    lines: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({"url": INJECTED}, ["/url"]),
        ({"url": "https://visio.exemple.fr/1\n"}, ["/url"]),
        ({"title": "Bilan\r\nATTENDEE:mailto:a@exemple.fr"}, ["/title"]),
        ({"place": {"name": "Mairie\r"}, "agenda": long_agenda}, ["/place/name", "/agenda/0/title"]),
    )
    for fields, pointers in lines:
        for answer in (await buyer.ask(**fields), await buyer.change(meeting, fields)):
            assert_refused(answer, 422, "invalid-content")
            assert [error["pointer"] for error in answer.json()["errors"]] == pointers


async def test_what_was_stored_before_does_no_harm_in_a_calendar(buyer: Buyer) -> None:
    """The feed is whole, and holds no property but its own."""
    meeting = await buyer.plan(place={"name": "Mairie"}, agenda=[{"title": "Tour de table", "minutes": 5}])
    stored = {
        "url": INJECTED,
        "title": "Bilan\r\nATTACH:x\x0b",
        "place": MeetingPlace(name="Mairie\rATTACH:x"),
        "agenda": (AgendaItem("Tour\n\x1bATTACH:x", 5),),
    }
    async with transaction(buyer.client.services.database) as connection:
        await connection.execute(update(meetings).where(meetings.c.id == UUID(meeting["id"])).values(stored))
    for path in ("/meetings.ics", f"/meetings/{meeting['id']}.ics"):
        answer = await buyer.get(path)
        assert answer.status_code == 200, answer.text
        assert "\nATTACH" not in answer.text
        assert "\x0b" not in answer.text
        (event,) = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
        assert event["summary"] == "Bilan ATTACH:x"
        assert "url" not in event


async def test_a_meeting_sent_twice_is_one(buyer: Buyer) -> None:
    """The templates say how a format is held."""
    (template,) = (await buyer.get("/meetings/templates")).json()["items"]
    assert (template["format"], template["minutes"]) == ("half_day", 180)
    body = meeting_about(await buyer.need())
    first, second = [await buyer.post("/meetings", body, **{"Idempotency-Key": "twice"}) for _ in range(2)]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len((await buyer.get("/meetings")).json()["items"]) == 1


async def subscribe(buyer: Buyer, **headers: str) -> str:
    """The path of a new address."""
    answer = await buyer.post("/meetings/feed", **headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"url"}
    path: str = urlsplit(answer.json()["url"]).path
    return path


async def opened(client: Client, path: str, **headers: str) -> Any:
    """What somebody without a key is answered."""
    return await client.get(path, headers={"Authorization": ""} | headers)


async def test_the_address_shows_what_the_calendar_shows_and_nothing_else(buyer: Buyer, served: Client) -> None:
    other = await new_buyer(served)
    await other.plan(title="Ailleurs")
    await buyer.plan(participants=[{"role": "buyer", "name": "Anne Kermarrec"}], minutes="Confidentiel")
    path = await subscribe(buyer)
    answer = await opened(buyer.client, path)
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.content == (await buyer.get("/meetings.ics")).content
    assert len(icalendar.Calendar.from_ical(answer.content).walk("VEVENT")) == 1
    assert [words for words in ("Kermarrec", "Confidentiel", "Ailleurs") if words in answer.text] == []
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "private, no-cache"
    again = await opened(buyer.client, path, **{"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert "Ailleurs" in (await opened(served, await subscribe(other))).text


async def test_an_address_that_was_replaced_or_revoked_does_not_open(buyer: Buyer) -> None:
    """The journal tells of it; one that is asked for twice is one, until another takes its place."""
    once = {"Idempotency-Key": "once"}
    first = await subscribe(buyer, **once)
    assert await subscribe(buyer, **once) == first
    second = await subscribe(buyer)
    assert_refused(await buyer.post("/meetings/feed", **once), 409, "conflict")
    assert_refused(await opened(buyer.client, first), 404, "not-found")
    assert (await opened(buyer.client, second)).status_code == 200
    assert (await buyer.delete("/meetings/feed")).status_code == 204
    assert_refused(await opened(buyer.client, second), 404, "not-found")
    assert_refused(await buyer.delete("/meetings/feed"), 404, "not-found")
    async with transaction(buyer.client.services.database) as connection:
        found = await entries(connection, buyer.organisation_id, f"key:{buyer.key.id}", 0, 50)
    assert [entry.action for entry in found] == ["calendar_feed.created"] * 2 + ["calendar_feed.revoked"]


async def test_it_ends_with_its_key(buyer: Buyer) -> None:
    path, key, now = await subscribe(buyer), buyer.key.id, buyer.client.services.now()
    ended = update(api_keys).where(api_keys.c.id == key)
    for expires_at, status in ((now - timedelta(seconds=1), 404), (now + timedelta(hours=1), 200)):
        async with transaction(buyer.client.services.database) as connection:
            await connection.execute(ended.values(expires_at=expires_at))
        assert (await opened(buyer.client, path)).status_code == status
    async with transaction(buyer.client.services.database) as connection:
        await revoke_key(connection, key, now)
    assert_refused(await opened(buyer.client, path), 404, "not-found")


async def test_that_of_the_administrators_key_ends_when_the_setting_changes(served: Client) -> None:
    answer = await served.post("/meetings/feed")
    path, services = urlsplit(answer.json()["url"]).path, served.services
    assert (await opened(served, path)).status_code == 200
    before = services.settings
    try:
        for other in ("another-key-than-that", None):
            services.settings = replace(before, admin_key=other)
            assert (await opened(served, path)).status_code == 404
    finally:
        services.settings = before
    assert before.admin_key == ADMIN_KEY


async def test_an_address_that_was_never_given_is_not_found(served: Client) -> None:
    """Nobody without a key may ask for one."""
    for token in ("x", "é", "%00", "A" * 43, "A" * 5_000):
        refused = await opened(served, f"/meetings/feed/{token}.ics")
        assert_refused(refused, 404, "not-found")
        assert refused.headers["cache-control"] == "no-store"
    for method in ("POST", "DELETE"):
        keyless = await served.request(method, "/meetings/feed", headers={"Authorization": ""})
        assert_refused(keyless, 401, "no-valid-key")


async def test_the_token_is_told_this_once_and_stands_nowhere_else(
    buyer: Buyer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = await subscribe(buyer, **{"Idempotency-Key": "kept"})
    token = path.removeprefix("/meetings/feed/").removesuffix(".ics")
    await opened(buyer.client, path)
    written = capsys.readouterr().err
    assert '"route":"/meetings/feed/{token}.ics"' in written
    assert token not in written
    async with transaction(buyer.client.services.database) as connection:
        assert token.encode() not in (await connection.execute(select(calendar_feeds.c.digest))).scalars().all()
        found = await entries(connection, buyer.organisation_id, f"key:{buyer.key.id}", 0, 50)
    assert [entry.action for entry in found] == ["calendar_feed.created"]
    assert token not in str(found)
