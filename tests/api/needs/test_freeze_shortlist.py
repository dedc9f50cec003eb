"""Matches of stored needs: while no connection is held, by their planned day, with the organisation's other needs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from api.needs import freeze_shortlist, routes, shortlists
from api.runtime.processes.match_work import MatchTask
from api.runtime.slots import ConcurrencyLimit
from db.core.engine import Connection, Engine, transaction
from db.needs.shortlists import select_law_file
from domain.law.rules import LAW_FILE, parse
from tests.api.needs.steps import Buyer, new_buyer
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client

Meanwhile = Callable[[], Awaitable[object]]


@pytest.fixture
def matches(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> "Matches":
    return Matches(buyer.client, monkeypatch)


class Matches:
    """Counts the matches, and the transactions that a request has open when one begins."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.begun, self.meanwhile = 0, list[int](), list[Meanwhile]()
        self._run = client.services.match_work.run
        monkeypatch.setattr(client.services.match_work, "run", self._begin)
        # what changes a need meanwhile has a turn besides
        monkeypatch.setattr(client.services, "matches", ConcurrencyLimit(at_once=4, of_one=4))
        for module in (routes, shortlists, freeze_shortlist):
            monkeypatch.setattr(module, "transaction", self._transaction)

    @asynccontextmanager
    async def _transaction(self, engine: Engine) -> AsyncIterator[Connection]:
        async with transaction(engine) as connection:
            self.open += 1
            try:
                yield connection
            finally:
                self.open -= 1

    async def _begin(self, task: MatchTask[Any], key: str, left: Callable[[], Awaitable[None]]) -> Any:
        self.begun.append(self.open)
        if self.meanwhile:
            await self.meanwhile.pop()()
        return await self._run(task, key, left)


async def test_no_connection_is_held_while_a_need_is_matched(buyer: Buyer, matches: Matches) -> None:
    need = (await buyer.keep())["need"]
    assert (await buyer.post(f"/needs/{need['id']}/shortlists")).status_code == 201
    assert matches.begun == [0, 0]


async def test_no_connection_is_held_while_versions_are_compared(buyer: Buyer, matches: Matches, source: str) -> None:
    """To find why a supplier left, the need is matched again."""
    await buyer.supplier(source, "1")
    path = f"/needs/{(await buyer.keep())['need']['id']}"
    await buyer.supplier(source, "1", active=False)
    await buyer.post(f"{path}/shortlists")
    (lot,) = (await buyer.get(f"{path}/shortlists/1/diff/2")).json()["lots"]
    assert [row["why"]["code"] for row in lot["left"]] == ["inactive"]
    assert matches.begun == [0, 0, 0]


async def test_a_request_that_was_answered_is_not_matched_again(buyer: Buyer, matches: Matches) -> None:
    key = {"Idempotency-Key": "une-fois"}
    first = await buyer.post("/needs", buyer.need(), **key)
    path = f"/needs/{first.json()['need']['id']}/shortlists"
    again = [
        await buyer.post(path, **key),
        await buyer.post(path, **key),
        await buyer.post("/needs", buyer.need(), **key),
    ]
    assert again[2].content == first.content
    assert again[0].headers["location"] == again[1].headers["location"]
    assert matches.begun == [0, 0]


async def test_a_need_that_changes_meanwhile_is_matched_anew(buyer: Buyer, matches: Matches) -> None:
    """Then with the connection: nobody changes it any more."""
    path = f"/needs/{(await buyer.keep())['need']['id']}"
    lots = [{"id": "7", "segments": ["pr-locaux"]}]
    matches.meanwhile.append(lambda: buyer.patch(path, {"lots": lots}))
    frozen = (await buyer.post(f"{path}/shortlists")).json()
    assert [lot["id"] for lot in frozen["lots"]] == ["7"]
    assert matches.begun[-1] == 1


async def test_a_need_that_ends_meanwhile_gets_no_version(buyer: Buyer, matches: Matches) -> None:
    path = f"/needs/{(await buyer.keep())['need']['id']}"
    matches.meanwhile.append(lambda: buyer.patch(path, {"status": "abandoned"}))
    assert (await buyer.post(f"{path}/shortlists")).status_code == 409
    assert len((await buyer.get(f"{path}/shortlists")).json()["items"]) == 1


LOCAL = {"kind": "local", "contracting_authority": True}
LAW = "LAW_CHANGES"
WORKS = {"segments": ["bt-peinture"], "nature": "works", "value_eur": 120_000}


def need(on: str, planned: str | None, **lot: Any) -> dict[str, Any]:
    return {"on": on, "planned_publication_on": planned, "buyer": LOCAL, "lots": [{"id": "1"} | lot]}


def by_code(shortlist: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {advice["code"]: advice for advice in shortlist["advice"]}


async def test_a_day_planned_later_is_applied_from_the_next_version_on(buyer: Buyer) -> None:
    kept = await buyer.keep(**need("2026-11-29", None, **WORKS))
    path = f"/needs/{kept['need']['id']}"
    assert (kept["shortlist"]["stamp"]["law_on"], LAW in by_code(kept["shortlist"])) == (None, False)
    assert (await buyer.patch(path, {"planned_publication_on": "2027-01-01"})).status_code == 200
    assert (await buyer.get(f"{path}/shortlists/latest")).json()["stamp"]["law_on"] is None
    second = await buyer.frozen(kept["need"]["id"])
    assert (second["stamp"]["on"], second["stamp"]["law_on"]) == ("2026-11-29", "2027-01-01")
    assert {"GRE_A_GRE", LAW} <= by_code(second).keys()
    difference = (await buyer.get(f"{path}/shortlists/1/diff/2")).json()
    assert difference["changed_stamp"] == ["law_on"]
    assert difference["changed_fields"] == ["planned_publication_on"]
    told = {(each["code"], each["change"]): each["message"] for each in difference["advice"] if not each["lot_id"]}
    assert told["MAPA", "left"].startswith("120 000 € HT de travaux : procédure adaptée")
    assert told["GRE_A_GRE", "came"] == by_code(second)["GRE_A_GRE"]["message"]
    back = (await buyer.get(f"{path}/shortlists/2/diff/1")).json()["advice"]
    assert {(each["code"], each["change"]) for each in back} >= {("MAPA", "came"), ("GRE_A_GRE", "left")}
    assert (await buyer.get(f"{path}/shortlists/2/diff/2")).json()["advice"] == []


async def test_a_finding_that_changes_is_told_of_its_lot(buyer: Buyer) -> None:
    """A reservation that is refused from one version on; a statement in other words; none where the lot is the same."""
    lot = {"cpv": ["85312000"], "duration_months": 36, "value_eur": 70_000, "reserved": ["ess"]}
    kept = await buyer.keep(**need("2026-11-29", None, **lot))
    path = f"/needs/{kept['need']['id']}"
    longer = buyer.need(**need("2026-11-29", None, **lot | {"duration_months": 37, "value_eur": 80_000}))
    assert (await buyer.patch(path, {"lots": longer["lots"]})).status_code == 200
    await buyer.frozen(kept["need"]["id"])
    changes = (await buyer.get(f"{path}/shortlists/1/diff/2")).json()["advice"]
    of_lot = {each["code"]: (each["lot_id"], each["change"]) for each in changes}
    assert of_lot["ESS_MAX_3Y"] == ("1", "came")
    assert of_lot["MAPA"] == (None, "changed")


async def test_a_match_and_proposals_of_lots_take_the_day_too(buyer: Buyer) -> None:
    """Asked again with another day they are answered for that one."""
    for planned, procedure, changes in (("2027-01-01", "GRE_A_GRE", True), ("2026-12-31", "MAPA", False)):
        asked = buyer.need(**need("2026-11-29", planned, **WORKS))
        found = (await buyer.post("/match", asked)).json()
        proposals = (await buyer.post("/allotment", asked)).json()
        for each in (found, *proposals["proposals"]):
            assert (procedure in by_code(each), LAW in by_code(each)) == (True, changes)
        assert found["stamp"]["law_on"] == proposals["stamp"]["law_on"] == planned
    faulty = buyer.need(**need("2026-11-29", "1er mars", **WORKS))
    assert_refused(await buyer.post("/match", faulty), 422, "invalid-content")


def of_value(value_eur: float | None, segment: str = "ev-entretien", **fields: Any) -> dict[str, Any]:
    """A need of one lot, planned for 2027."""
    lots = [{"id": "1", "segments": [segment], "value_eur": value_eur}]
    return {"lots": lots, "planned_publication_on": "2027-03-01", "buyer": {"kind": "local"}} | fields


def split(shortlist: dict[str, Any]) -> list[str]:
    return [advice["message"] for advice in shortlist["advice"] if advice["code"] == "NO_SPLIT_TO_EVADE"]


async def warned(organisation: Buyer, **fields: Any) -> list[str]:
    """The warnings on a new need."""
    return split((await organisation.keep(**fields))["shortlist"])


async def test_two_needs_pass_the_threshold_together(buyer: Buyer) -> None:
    """One cent decides; the need that was first says it from its next version on, and its first stays as it was."""
    first = await buyer.keep(**of_value(30_000, reference="PARCS-1"))
    assert split(first["shortlist"]) == []
    assert await warned(buyer, **of_value(29_999.99, reference="PARCS-2", planned_publication_on="2027-12-31")) == []
    need = first["need"]["id"]
    assert split(await buyer.frozen(need)) == []
    (told,) = await warned(buyer, **of_value(0.01, reference="PARCS-3"))
    assert "0,01 € + 30 000 € (réf. PARCS-1) + 29 999,99 € (réf. PARCS-2) = 60 000 € ≥ 60 000 €" in told
    assert "prévus ou engagés en 2027" in told
    assert "(R2121-6)" in told
    assert "(R2121-4)" in told
    assert split((await buyer.get(f"/needs/{need}/shortlists/2")).json()) == []
    assert len(split(await buyer.frozen(need))) == 1
    assert split((await buyer.get(f"/needs/{need}/shortlists/1")).json()) == []


async def test_a_match_never_says_it(buyer: Buyer) -> None:
    """It stores nothing and knows no other need; nor are the lots of one need split."""
    await buyer.keep(**of_value(50_000))
    asked = buyer.need(**of_value(50_000))
    del asked["planned_publication_on"]
    assert split((await buyer.post("/match", asked)).json()) == []
    lots = [{"id": n, "segments": ["ev-entretien"], "value_eur": 30_000} for n in "12"]
    assert split((await buyer.post("/match", buyer.need(lots=lots))).json()) == []
    alone = await new_buyer(buyer.client)
    assert await warned(alone, **of_value(None, lots=lots)) == []


async def test_needs_that_have_only_titles_are_read_by_these(buyer: Buyer) -> None:
    """The need under review as well as the others; a lot that says where alone is read with its need's title."""
    titled = [{"id": "1", "title": "Tonte des pelouses du stade", "value_eur": 30_000}]
    placed = [{"id": "1", "title": "Secteur nord", "value_eur": 35_000}]
    await buyer.keep(**of_value(None, title="Entretien des espaces verts", lots=placed))
    assert await warned(buyer, **of_value(10_000, "pr-locaux")) == []
    (told,) = await warned(buyer, **of_value(None, title="Stade", lots=titled, reference="STADE"))
    assert "30 000 € + 35 000 € (« Entretien des espaces verts ») = 65 000 € ≥ 60 000 €" in told


async def test_a_body_that_contradicts_the_kind_is_told_and_stores_nothing(buyer: Buyer) -> None:
    """In a match, a need and a change of one; an unknown body too. What follows from a body is told."""
    asked = need("2026-11-29", None, segments=["pr-locaux"], value_eur=150_000)
    wrong = asked | {"buyer": {"kind": "local", "body": "central_authority"}}
    path = f"/needs/{(await buyer.keep(**asked))['need']['id']}"
    before = len((await buyer.get("/needs")).json()["items"])
    for answer in (
        await buyer.post("/match", buyer.need(**wrong)),
        await buyer.post("/needs", buyer.need(**wrong)),
        await buyer.patch(path, {"buyer": {"body": "central_authority"}}),
        await buyer.post("/match", buyer.need(**asked | {"buyer": {"body": "mairie"}})),
    ):
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/buyer/body"]
    assert len((await buyer.get("/needs")).json()["items"]) == before
    assert (await buyer.patch(path, {"buyer": {"kind": "state", "body": "state_industrial"}})).status_code == 200
    told = by_code(await buyer.frozen(path.rpartition("/")[2]))
    assert "MAPA" in told
    assert told["PAYMENT_DAYS"]["article"] == "R2192-10"


async def test_the_law_of_a_frozen_shortlist_is_read_again_after_it_changed(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the stamp of the version, in `GET /rules` and the report; a version of which no file was kept is refused."""
    kept = await buyer.keep(**need("2026-11-29", None, **WORKS))
    stamp, path = kept["shortlist"]["stamp"]["rules"], f"/needs/{kept['need']['id']}"
    services, text = buyer.client.services, LAW_FILE.read_text(encoding="utf-8")
    changed = parse(text.replace("value = 60000, ", "value = 70000, ").encode())
    monkeypatch.setattr(services, "reference", replace(services.reference, rules=changed))

    async def direct_award(**query: str) -> float:
        rules = (await buyer.get("/rules?" + urlencode({"on": "2026-11-29"} | query))).json()["items"]
        (found,) = (each["value"] for each in rules if each["id"] == "direct_award_supplies_services")
        return float(found)

    assert (await direct_award(), await direct_award(version=stamp)) == (70_000, 60_000)
    report = (await buyer.get(f"{path}/report")).json()
    assert report["rules"]["version"] == stamp
    async with transaction(services.database) as connection:
        assert parse(await select_law_file(connection, stamp) or b"").version == stamp
    refused = await buyer.get("/rules?version=2020-01-01-none")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/version")
