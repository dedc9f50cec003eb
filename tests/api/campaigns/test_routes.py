"""Campaigns over HTTP: whom they ask, when they change, and who sees them."""

import csv
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any
from uuid import UUID

import pytest

from db.campaigns.campaigns import write_wish
from db.core.engine import transaction
from db.journal.entries import entries
from tests.api.campaigns.steps import ISLE, NOWHERE, QUESTION, STREET, Campaigner, campaigner, put_unknown
from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, path_of, siret


@pytest.fixture(scope="module")
async def isle(served: Client) -> AsyncIterator[dict[str, str]]:
    """Suppliers of unknown trade by way, and one of two legal units at one address."""
    source = "campaign-isle"
    by_mail = {"address": STREET, "contact": {"email": "contact@phare.example"}}
    yield {
        "email": await put_unknown(served, source, "mail", approvals=[{"kind": "EI"}], **by_mail),
        "letter": await put_unknown(served, source, "post"),
        "none": await put_unknown(served, source, "nowhere", address=NOWHERE, name="=HYPERLINK(1)"),
        "known": await put_unknown(
            served, source, "known", offers=[{"segments": ["ev-entretien"]}], address=NOWHERE, approvals=[]
        ),
    }
    for each in ("mail", "post", "nowhere", "known"):
        await served.delete(path_of(source, each))


@pytest.fixture
async def buyer(served: Client) -> Campaigner:
    return await campaigner(served)


async def test_a_campaign_counts_whom_it_asks_and_how(buyer: Campaigner, isle: dict[str, str]) -> None:
    made = await buyer.plan()
    assert (made["recipients"], made["by_way"]) == (3, {"email": 1, "letter": 1, "none": 1})
    assert made["status"] == "draft"
    assert made["counts"]["waiting"] == made["counts"]["recipients"] == 3
    listed = (await buyer.get("/campaigns")).json()["items"]
    assert listed == [await buyer.shown(made)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"kinds": ["EI"]}, {"email"}),
        ({"kinds": ["EI", "ESAT"]}, {"email", "letter", "none"}),
        ({"kinds": ["TIH"]}, set()),
        ({"only_unknown_trade": False}, {"email", "letter", "none", "known"}),
        ({"only_unknown_trade": False, "segments": ["ev-entretien"]}, {"known"}),
    ],
)
async def test_recipients_are_chosen(
    buyer: Campaigner, isle: dict[str, str], asked: dict[str, Any], expected: set[str]
) -> None:
    made = await buyer.plan(**asked)
    shown = (await buyer.get(f"/campaigns/{made['id']}/recipients")).json()["items"]
    found = {each["supplier_id"] for each in shown}
    assert {name for name, id_ in isle.items() if id_ in found} >= expected
    if "segments" not in asked:
        assert {name for name, id_ in isle.items() if id_ in found} == expected


async def test_recipients_come_in_pages_and_as_csv_without_formulas(buyer: Campaigner, isle: dict[str, str]) -> None:
    path = f"/campaigns/{(await buyer.plan())['id']}/recipients"
    first = (await buyer.get(f"{path}?limit=2")).json()
    rest = (await buyer.get(f"{path}?limit=2&cursor={first['next_cursor']}")).json()
    assert len(first["items"] + rest["items"]) == 3
    table = list(csv.DictReader(StringIO((await buyer.get(path, Accept="text/csv")).text)))
    assert {each["way"] for each in table} == {"email", "letter", "none"}
    assert "'=HYPERLINK(1)" in {each["name"] for each in table}


async def test_of_one_legal_unit_at_one_address_one_is_written_to(served: Client, buyer: Campaigner) -> None:
    unit, source = siret(path_of("campaign-joined", "1"))[:9], "campaign-joined"
    first, second = (f"{unit}{number}" for number in ("00018", "00026"))
    ids = {
        await put_unknown(served, source, number[-5:], siret=number, approvals=[{"kind": "EATT"}])
        for number in (first, second)
    }
    branches = {"7%2F1": "Redon", "7%2F2": "Vannes", "8%2F1": "Brest"}  # without a SIRET, of two GEIQ of one name
    for number, town in branches.items():
        await put_unknown(served, source, number, name=f"GEIQ X – {town}", approvals=[{"kind": "GEIQ"}], siret=None)
    made = await buyer.plan(kinds=["EATT", "GEIQ"])
    one, *geiq = (await buyer.get(f"/campaigns/{made['id']}/recipients")).json()["items"]
    assert {one["supplier_id"], *one["joined"]} == ids
    assert ({each["name"] for each in geiq}, made["left_out"]["joined"]) == ({"GEIQ X – Redon", "GEIQ X – Brest"}, 2)
    for each in (first[-5:], second[-5:], *branches):
        await served.delete(path_of(source, each))


async def test_a_refusal_is_of_all_that_are_written_to_at_that_address(served: Client, buyer: Campaigner) -> None:
    there: dict[str, Any] = {"contact": {"email": "accueil@deux.example"}, "approvals": [{"kind": "EA"}]}
    first, _ = [await put_unknown(served, "campaign-mailbox", each, **there) for each in ("one", "two")]
    asked: dict[str, Any] = {"kinds": ["EA"]}
    assert (await buyer.plan(**asked))["left_out"]["joined"] == 1
    async with transaction(served.services.database) as connection:
        now = served.services.now()
        await write_wish(connection, buyer.organisation_id, [UUID(first)], now, ask_again=False)
    after = await buyer.plan(**asked)
    assert (after["recipients"], after["left_out"]["ask_again"]) == (0, 2)
    for each in ("one", "two"):
        await served.delete(path_of("campaign-mailbox", each))


async def test_its_journal_is_read_by_its_organisation_alone(served: Client, buyer: Campaigner) -> None:
    made = await buyer.plan()
    entries = (await buyer.get(f"/audit?object=campaign:{made['id']}")).json()["items"]
    assert [each["action"] for each in entries] == ["campaign.created"]
    other = await campaigner(served)
    assert (await other.get(f"/audit?object=campaign:{made['id']}")).status_code == 404


async def test_a_draft_asked_of_others_is_counted_anew(buyer: Campaigner, isle: dict[str, str]) -> None:
    made = await buyer.plan()
    path = f"/campaigns/{made['id']}"
    etag = (await buyer.get(path)).headers["etag"]
    changed = await buyer.patch(path, {"kinds": ["EI"], "title": "EI"}, **{"If-Match": etag})
    assert (changed.status_code, changed.json()["recipients"], changed.json()["title"]) == (200, 1, "EI")
    assert_refused(await buyer.patch(path, {"title": "x"}, **{"If-Match": etag}), 412, "stale-version")
    async with transaction(buyer.client.services.database) as connection:
        written = await entries(connection, buyer.organisation_id, f"campaign:{made['id']}", 0, 10)
    assert [each.action for each in written] == ["campaign.created", "campaign.changed"]
    assert (await buyer.delete(path)).status_code == 204
    assert_refused(await buyer.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        ({"territory": {"codes": ["departement:99"]}}, ["/territory/codes/0"]),
        ({"segments": ["ev-entretien", "nope"]}, ["/segments/1"]),
        ({"kinds": ["ESATS"]}, ["/kinds/0"]),
        ({"subject": "a\nb"}, ["/subject"]),
        ({"body": " "}, ["/body"]),
        ({"body": "x\n" * 60}, ["/body"]),
        ({"body": "a\x07b"}, ["/body"]),
        ({"body": "a\u202eb", "subject": "a\u2066b"}, ["/subject", "/body"]),
        ({"reply_by": "2020-01-01", "contact": {"name": "Anne"}}, ["/reply_by", "/contact"]),
        ({"contact": {"name": "Anne", "email": "anne"}}, ["/contact/email"]),
        ({"sender_address": ["1 rue A", "a\nb"]}, ["/sender_address/1"]),
        ({"nope": 1}, ["/nope"]),
    ],
)
async def test_what_is_wrong_is_told_where_it_stands(buyer: Campaigner, wrong: Any, pointers: list[str]) -> None:
    refused = await buyer.ask(**wrong)
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == pointers
    assert (await buyer.get("/campaigns")).json()["items"] == []


async def test_others_see_nothing_of_it(served: Client, buyer: Campaigner, isle: dict[str, str]) -> None:
    made, other = await buyer.plan(), await campaigner(served)
    path = f"/campaigns/{made['id']}"
    for way in ("", "/recipients"):
        assert_refused(await other.get(path + way), 404, "not-found")
    assert_refused(await other.patch(path, {"title": "x"}), 404, "not-found")
    assert_refused(await other.delete(path), 404, "not-found")
    for step in ("send", "posted", "reminder"):
        assert_refused(await other.post(f"{path}/{step}"), 404, "not-found")
    reader = await member(served, "read", "match")
    assert_refused(await reader.post("/campaigns", QUESTION | {"territory": ISLE}), 403, "missing-scope")


async def test_sent_twice_with_one_key_it_is_drawn_up_once(buyer: Campaigner) -> None:
    body, key = QUESTION | {"territory": ISLE}, {"Idempotency-Key": "once"}
    first, second = [await buyer.post("/campaigns", body, **key) for _ in range(2)]
    assert first.json() == second.json()
    assert len((await buyer.get("/campaigns")).json()["items"]) == 1


async def test_what_was_not_sent_is_not_posted_and_not_reminded_of(buyer: Campaigner, isle: dict[str, str]) -> None:
    path = f"/campaigns/{(await buyer.plan())['id']}"
    assert (await buyer.post(f"{path}/posted")).status_code == 409
    assert (await buyer.post(f"{path}/reminder")).status_code == 409
    assert (await buyer.post(f"{path}/send")).status_code == 409  # no mail server is set


async def test_the_contact_and_the_addresses_of_a_person_are_erased(served: Client, source: str) -> None:
    buyer = await campaigner(served, "admin")
    await put_unknown(served, source, "zoe", contact={"email": "zoe.kervoal@phare.example"}, address=STREET)
    contact = {"name": "Zoé Kervoal", "email": "zoe.kervoal@phare.example", "phone": None}
    made = await buyer.plan(contact=contact)
    await served.delete(path_of(source, "zoe"))
    who = {"name": "Zoé Kervoal", "email": "zoe.kervoal@phare.example"}
    erased = await buyer.post("/privacy/erase", who)
    assert erased.status_code == 200, erased.text
    shown = await buyer.shown(made)
    recipients = (await buyer.get(f"/campaigns/{made['id']}/recipients")).json()["items"]
    assert "Kervoal" not in str(shown)
    assert "kervoal" not in str(shown) + str(recipients)
    assert shown["counts"]["recipients"] == made["recipients"]


async def test_who_is_erased_before_being_written_to_is_not_waited_for(served: Client, source: str) -> None:
    buyer, asked = await campaigner(served, "admin"), ("EATT",)
    for each, address in (("home", STREET), ("nowhere", NOWHERE)):
        contact = {"email": f"{each}.erased@phare.example"}
        await put_unknown(served, source, each, contact=contact, address=address, approvals=[{"kind": "EATT"}])
    made = await buyer.plan(kinds=asked)
    for each in ("home", "nowhere"):
        assert (await buyer.post("/privacy/erase", {"email": f"{each}.erased@phare.example"})).status_code == 200
    links = await buyer.post(f"/campaigns/{made['id']}/links", Accept="text/csv")
    assert ["Structure home" in links.text, "Structure nowhere" in links.text] == [True, True]
    posted = (await buyer.post(f"/campaigns/{made['id']}/posted")).json()
    assert posted["status"] == "sent"
    assert (posted["counts"]["silent"], posted["counts"]["undeliverable"]) == (1, 1)
    for each in ("home", "nowhere"):
        await served.delete(path_of(source, each))
