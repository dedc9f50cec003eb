"""Two persons act at once on one thing: one wins, the others are told, and the record has what was stored, no more."""

import asyncio
from collections.abc import Callable
from itertools import cycle
from typing import Any

import httpx
import pytest

from db.api_keys import find_organisation
from db.core.engine import transaction
from db.journal.content import content_digests
from domain.journal import BoundContent
from tests.api.needs.steps import Buyer, meeting_about
from tests.api.organisations import member
from tests.api.sync.factories import Client

TIMES = 6


async def patched(buyers: list[Buyer], path: str, bodies: list[Any], seen: str | None) -> list[httpx.Response]:
    """The answers to these changes, sent at once by the persons in turn; `seen`: the ETag that all have read."""
    known = {"If-Match": seen} if seen else {}
    turns = zip(cycle(buyers), bodies, strict=False)
    return await asyncio.gather(*(each.patch(path, body, **known) for each, body in turns))


@pytest.fixture
async def buyers(served: Client, buyer: Buyer) -> list[Buyer]:
    """Two persons of one organisation."""
    async with transaction(served.services.database) as connection:
        own = await find_organisation(connection, buyer.organisation_id)
    assert own is not None
    colleague = await member(served, "needs", organisation=own.name)
    return [buyer, Buyer(served, buyer.organisation_id, colleague.headers["Authorization"].removeprefix("Bearer "))]


async def is_bound_as_stored(buyer: Buyer, need: str) -> bool:
    """Whether all that the record binds of a need is stored as its last entry says."""
    bound = BoundContent()
    for entry in await buyer.journal(need):
        bound.collect_entry(entry)
    async with transaction(buyer.client.services.database) as connection:
        return not list(bound.breaks(await content_digests(connection, bound.names)))


async def test_of_decisions_on_what_all_have_read_one_wins(buyers: list[Buyer]) -> None:
    """The others get 412; the record names the winner, and its decision is the one that stays."""
    buyer = buyers[0]
    supplier = await buyer.supplier("at-once", "1")
    need = (await buyer.keep())["need"]["id"]
    path = f"/needs/{need}/shortlists/1/suppliers/{supplier}"
    seen = (await buyer.patch(path, {"lot_id": "1", "decision": "kept"})).headers["etag"]
    bodies = [{"lot_id": "1", "decision": "set_aside", "reason": f"motif {n}"} for n in range(TIMES)]
    answers = await patched(buyers, path, bodies, seen)
    assert sorted(each.status_code for each in answers) == [200, *[412] * (TIMES - 1)]
    (winner,) = (each for each in answers if each.status_code == 200)
    (stored,) = (await buyer.get(f"/needs/{need}/shortlists/1/decisions")).json()["items"]
    assert stored["reason"] == winner.json()["reason"]
    made = [each for each in await buyer.journal(need) if each.action == "decision.made"]
    assert [each.detail["decision"] for each in made] == ["kept", "set_aside"]
    assert await is_bound_as_stored(buyer, need)


async def test_decisions_made_without_reading_come_one_after_the_other(buyers: list[Buyer]) -> None:
    """Each is in the record, in the order in which they were stored."""
    buyer = buyers[0]
    supplier = await buyer.supplier("at-once", "2")
    need = (await buyer.keep())["need"]["id"]
    path = f"/needs/{need}/shortlists/1/suppliers/{supplier}"
    bodies = [{"lot_id": "1", "decision": ("kept", "set_aside")[n % 2]} for n in range(TIMES)]
    answers = await patched(buyers, path, bodies, None)
    assert {each.status_code for each in answers} == {200}
    made = [each.detail for each in await buyer.journal(need) if each.action == "decision.made"]
    assert [each["before"] for each in made] == [None, *(each["decision"] for each in made[:-1])]
    (stored,) = (await buyer.get(f"/needs/{need}/shortlists/1/decisions")).json()["items"]
    assert stored["decision"] == made[-1]["decision"]
    assert await is_bound_as_stored(buyer, need)


async def test_a_decision_and_the_end_of_its_need_are_stored_in_one_order(buyers: list[Buyer]) -> None:
    """What comes after the end is refused (409) and leaves no entry."""
    buyer = buyers[0]
    supplier = await buyer.supplier("at-once", "3")
    need = (await buyer.keep())["need"]["id"]
    decisions = [{"lot_id": "1", "decision": "kept", "reason": f"{n}"} for n in range(TIMES)]
    ended, answers = await asyncio.gather(
        buyers[1].patch(f"/needs/{need}", {"status": "abandoned"}),
        patched(buyers, f"/needs/{need}/shortlists/1/suppliers/{supplier}", decisions, None),
    )
    assert ended.status_code == 200, ended.text
    assert {each.status_code for each in answers} <= {200, 409}
    noted = await buyer.noted(need)
    stored = [each for each in answers if each.status_code == 200]
    assert noted.count("decision.made") == len({each.headers["etag"] for each in stored})
    assert "decision.made" not in noted[noted.index("need.abandoned") :]
    assert await is_bound_as_stored(buyer, need)


THINGS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "needs": ("need.changed", lambda _: None, "/needs/{need}"),
    "meetings": ("meeting.changed", meeting_about, "/meetings/{id}"),
}


@pytest.mark.parametrize("kind", THINGS)
async def test_of_changes_to_what_all_have_read_one_wins(buyers: list[Buyer], kind: str) -> None:
    action, planned, path = THINGS[kind]
    buyer = buyers[0]
    need = (await buyer.keep())["need"]["id"]
    made = await buyer.post("/meetings", planned(need)) if planned(need) else None
    path = path.format(need=need, id=made.json()["id"] if made else "")
    seen = (await buyer.get(path)).headers["etag"]
    answers = await patched(buyers, path, [{"title": f"Titre {n}"} for n in range(TIMES)], seen)
    assert sorted(each.status_code for each in answers) == [200, *[412] * (TIMES - 1)]
    (winner,) = (each.json()["title"] for each in answers if each.status_code == 200)
    now = (await buyer.get(path)).json()
    assert (now["title"], now["version"]) == (winner, 2)
    listed = (await buyer.get(f"/audit?action={action}")).json()["items"]
    assert len(listed) == 1
