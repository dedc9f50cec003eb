"""One supplier from several records, over HTTP: by the rule, and by people who overrule it."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import NOBODY, Client, key, lines, put_record, record, send

HERE = {"lat": 47.6582, "lon": -2.7608}


@pytest.fixture
def siret() -> str:
    """A SIRET of no other test; its check digit may fail, which is flagged and no more."""
    return f"{uuid4().int % 10**14:014}"


async def put(client: Client, source: str, external_id: str, name: str, **fields: Any) -> str:
    """Store a record of this name; the supplier it describes."""
    stored = await put_record(client, source, external_id, name=name, **{"siret": None, "location": HERE} | fields)
    return str(stored["supplier_id"])


async def merge(client: Client, *ids: str, **headers: str) -> Any:
    return await client.post("/suppliers/merge", json={"ids": ids}, headers=headers)


async def split(client: Client, supplier: str, source: str, external_id: str) -> Any:
    body = {"record": {"source": source, "external_id": external_id}}
    return await client.post(f"/suppliers/{supplier}/split", json=body)


@pytest.mark.parametrize("by_file", [False, True])
async def test_records_are_one_supplier_as_the_rule_says(
    served: Client, source: str, siret: str, by_file: bool
) -> None:
    """By SIRET anywhere; else by like names of which each stands at a point of its own, 200 m away at most."""

    def row(name: str, metres: float = 0, **fields: Any) -> dict[str, Any]:
        place = HERE | {"lat": HERE["lat"] + metres / 111_195}
        return record("", **{"name": name, "siret": None, "location": place, "address": None} | fields)

    name = f"Les Jardins de {source}"
    rows = {
        "a": row(f"Association des Jardins {source}", siret=siret),
        "b": row(f"{source.upper()} LES JARDINS", 40),
        "c": row(f"Serres {source}", 90, trade_name=f"jardiins de {source}"),
        "d": row("Tout autre nom", 90_000, siret=siret),
        "e": row(name, 400),
        # in the same commune somewhere; at a point that contradicts the address
        "f": row(name, location=None, address={"commune": "56260"}),
        "g": row(name, address={"commune": "35238"}),
    }
    if by_file:
        report = (await send(served, source, lines({"external_id": one} | each for one, each in rows.items()))).json()
        assert (report["added"], report["errors"]) == (len(rows), [])
    else:
        for one, each in rows.items():
            await put_record(served, source, one, **each)
    found: dict[str, str] = {}
    for one in rows:
        supplier = (await served.get(f"/sources/{source}/suppliers/{one}")).json()["supplier_id"]
        found[supplier] = found.get(supplier, "") + one
    assert sorted(found.values()) == ["abcd", "e", "f", "g"]


async def test_one_supplier_is_one_candidate(served: Client, source: str, siret: str) -> None:
    """With the offers of all its records; once they part, they are two."""
    other = f"{source}-map"

    async def offering(source: str, segment: str, siret: str | None) -> str:
        offers = [{"segments": [segment], "service_area": {"codes": ["commune:97502"]}}]
        return await put(served, source, "1", "Lavoir", siret=siret, offers=offers)

    async def candidates() -> list[tuple[str, list[str]]]:
        await served.services.directory.catch_up()
        lot = {"id": "1", "segments": ["pr-specialise", "pr-locaux"]}
        need = {"territory": {"codes": ["commune:97502"]}, "lots": [lot]}
        found = (await served.post("/match", json=need)).json()["lots"][0]["candidates"]
        exact = {one["supplier"]["id"]: [s["offered"] for s in one["segments"] if s["fit"] == "exact"] for one in found}
        return sorted(exact.items())

    first = await offering(source, "pr-specialise", siret)
    await offering(other, "pr-locaux", siret)
    assert await candidates() == [(first, ["pr-specialise", "pr-locaux"])]
    second = await offering(other, "pr-locaux", None)
    assert await candidates() == [(first, ["pr-specialise"]), (second, ["pr-locaux"])]
    for each in (source, other):
        await served.delete(f"/sources/{each}/suppliers/1")


async def test_sources_are_united_and_each_field_says_where_it_is_from(served: Client, source: str, siret: str) -> None:
    other = f"{source}-map"
    first = await put(served, source, "1", "Chantier Ormeau", siret=siret, approvals=[{"kind": "ACI"}], employees=9)
    second = await put(
        served, other, "a", "ORMEAU", siret=siret, approvals=[{"kind": "EI"}], offers=[{"segments": ["pr-locaux"]}]
    )

    assert first == second
    supplier = (await served.get(f"/suppliers/{first}")).json()
    assert [offer["segments"] for offer in supplier["offers"]] == [["pr-locaux"], ["ev-entretien"]]
    assert supplier["kinds"] == ["EI", "ACI"]
    assert (supplier["name"], supplier["provenance"]["name"]) == ("ORMEAU", other)
    assert (supplier["employees"], supplier["provenance"]["employees"]) == (9, source)
    assert {ref["source"] for ref in supplier["sources"]} == {source, other}
    assert not {"offers", "approvals", "labels", "contact.person", "trade_name"} & set(supplier["provenance"])


async def test_merging_leaves_the_oldest_and_a_tombstone_that_leads_to_it(served: Client, source: str) -> None:
    older, younger = await put(served, source, "1", "Atelier Huître"), await put(served, source, "2", "Atelier Moule")
    changes = await served.get("/suppliers/changes?limit=200")
    cursor = changes.json()["next_cursor"]

    merged = await merge(served, younger, older)
    assert (merged.status_code, merged.json()["id"]) == (200, older)
    assert merged.json()["name"] == "Atelier Moule"
    assert (await served.get(f"/suppliers/{younger}")).json() == merged.json()
    told: dict[str, Any] = {}
    while (page := (await served.get(f"/suppliers/changes?limit=200&cursor={cursor}")).json())["items"]:
        cursor = page["next_cursor"]
        told |= {item["id"]: item for item in page["items"]}
    assert told[younger] == {"id": younger, "deleted": True}
    assert told[older] == merged.json()


async def test_splitting_keeps_the_id_with_the_others(served: Client, source: str, siret: str) -> None:
    """The record that leaves was the first to come."""
    together = await put(served, source, "1", "Ferme du Scorff", siret=siret)
    await put(served, source, "2", "Ferme du Scorff", siret=siret)
    parted = await split(served, together, source, "1")

    assert parted.status_code == 200, parted.text
    kept, left = parted.json()["kept"], parted.json()["split"]
    assert (kept["id"], [ref["external_id"] for ref in kept["sources"]]) == (together, ["2"])
    assert (left["id"] != together, [ref["external_id"] for ref in left["sources"]]) == (True, ["1"])
    assert (await split(served, together, source, "1")).json() == parted.json()


async def test_what_cannot_be_merged(served: Client, source: str) -> None:
    one = await put(served, source, "1", "Atelier Sardine")
    gone = await put(served, source, "2", "Atelier Anchois")
    await served.delete(f"/sources/{source}/suppliers/2")

    unknown = await merge(served, one, str(NOBODY), gone)
    assert_refused(unknown, 422, "invalid-content")
    assert [(error["pointer"], error["code"]) for error in unknown.json()["errors"]] == [
        ("/ids/1", "unknown_supplier"),
        ("/ids/2", "unknown_supplier"),
    ]
    for body in ({"ids": [one]}, {"ids": [one, "x"]}, {}, {"ids": [one, one], "into": one}):
        assert_refused(await served.post("/suppliers/merge", json=body), 422, "invalid-content")
    assert (await merge(served, one, one)).json()["id"] == one


async def test_what_cannot_be_split(served: Client, source: str, siret: str) -> None:
    alone = await put(served, source, "1", "Atelier Thon")
    await put(served, source, "2", "Atelier Bar", siret=siret)

    assert_refused(await split(served, str(NOBODY), source, "1"), 404, "not-found")
    assert_refused(await split(served, alone, source, "1"), 409, "conflict")
    for external_id, code in (("2", "another_supplier"), ("3", "unknown_record"), ("", "unknown_record")):
        answer = await split(served, alone, source, external_id)
        assert_refused(answer, 422, "invalid-content")
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/record", code)]
    nul = await split(served, alone, source, "a\0")
    assert_refused(nul, 422, "invalid-content")


async def test_the_rank_of_a_source_decides_and_is_an_administrators(served: Client, source: str, siret: str) -> None:
    other = f"{source}-map"
    supplier = await put(served, source, "1", "De la première", siret=siret)
    await put(served, other, "1", "De la seconde", siret=siret)
    mine = await key(served, "sync", sources=(source,))

    async def name() -> str:
        return str((await served.get(f"/suppliers/{supplier}")).json()["name"])

    assert await name() == "De la seconde"
    path = f"/sources/{source}"
    administrator = await key(served, "admin", sources=(source,))
    assert_refused(await served.put(path, json={"rank": 5}, headers=mine), 403, "missing-scope")
    assert_refused(await served.put(path, json={"rank": 5}, headers=administrator), 403, "missing-scope")
    assert (await served.put(path, json={"rank": 5})).json()["rank"] == 5
    assert await name() == "De la première"

    kept = await served.put(path, json={"label": "La première"}, headers=mine)
    assert (kept.status_code, kept.json()["rank"]) == (200, 5)
    assert_refused(await served.put(path, json={"rank": 1_001}), 422, "invalid-content")


async def test_an_organisations_administrator_decides_about_its_own_sources_alone(served: Client, source: str) -> None:
    """Where a record of another source describes one of the suppliers, it is the operator's to decide."""
    other = f"{source}-other"
    own = await member(served, "admin", sources=(source,))
    first, second = [await put(served, source, each, f"Atelier {each}", siret=None) for each in ("un", "deux")]
    theirs = await put(served, other, "3", "Chantier Ormeau")
    assert_refused(await merge(served, first, theirs, **own.headers), 403, "source-not-on-key")
    assert_refused(await merge(served, theirs, theirs, **own.headers), 403, "source-not-on-key")
    body = {"record": {"source": other, "external_id": "3"}}
    assert_refused(await own.post(f"/suppliers/{theirs}/split", body), 403, "source-not-on-key")
    assert (await merge(served, first, second, **own.headers)).status_code == 200
    assert (await merge(served, first, theirs, **(await key(served, "platform")))).status_code == 200


async def test_a_split_gives_a_record_its_former_id_again(served: Client, source: str) -> None:
    """Also through several merges; an id that others of its records still have is theirs."""
    first, second, third = [await put(served, source, str(n), f"Atelier {n} {source}") for n in range(3)]
    await merge(served, second, third)
    await merge(served, first, second)
    assert (await served.get(f"/suppliers/{third}")).json()["id"] == first
    parted = (await split(served, first, source, "2")).json()
    assert (parted["kept"]["id"], parted["split"]["id"]) == (first, third)
    assert (await served.get(f"/suppliers/{third}")).json()["sources"][0]["external_id"] == "2"
    parted = (await split(served, first, source, "1")).json()
    assert (parted["kept"]["id"], parted["split"]["id"]) == (first, second)
    await merge(served, first, third)
    assert (await split(served, first, source, "2")).json()["split"]["id"] == third
