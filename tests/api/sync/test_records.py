"""Records put, read and deleted by the source they belong to."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.refusals import assert_refused
from tests.api.sync.factories import RECORD, Client, key, misprinted, path_of, put, put_record, record, send, siret
from tests.conftest import ROOT

EXAMPLES = ROOT / "openapi" / "examples"
DRAWN = "/offers/0/service_area"
SQUARE = [[-3.0, 48.0], [-2.9, 48.0], [-2.9, 48.1], [-3.0, 48.1], [-3.0, 48.0]]


def polygon(*ring: list[float]) -> list[dict[str, Any]]:
    area = {"geometry": {"type": "Polygon", "coordinates": [list(ring)]}}
    return [{"segments": ["ev-entretien"], "service_area": area}]


async def test_a_record_is_stored_read_and_deleted(served: Client, source: str) -> None:
    path = f"/sources/{source}/suppliers/17"
    created = await put(served, path)
    assert created.status_code == 201
    document = created.json()
    assert {"source": source, "external_id": "17", "flags": []}.items() <= document.items()
    assert (document["name"], document["siret"]) == (RECORD["name"], siret(path))

    read = await served.get(path)
    assert read.json() == document
    assert read.headers["etag"] == created.headers["etag"]

    assert (await served.delete(path)).status_code == 204
    assert_refused(await served.get(path), 404, "not-found")
    assert_refused(await served.delete(path), 404, "not-found")


async def test_the_example_is_what_a_client_gets(served: Client) -> None:
    """Less what every directory counts for itself."""
    sent, expected = (json.loads((EXAMPLES / f"record.{side}.json").read_bytes()) for side in ("request", "response"))
    path = path_of(expected["source"], expected["external_id"])
    answer = await put(served, path, sent)
    assert (answer.status_code, (await served.delete(path)).status_code) == (201, 204)
    own = {name: answer.json()[name] for name in ("supplier_id", "data_version")}
    assert answer.json() == expected | own


async def test_no_source_speaks_for_a_supplier(served: Client, source: str) -> None:
    """One by one and by the file; a directory's word is not the supplier's own, and its day stays."""
    said = {"segments": ["pr-locaux"], "declared_by": "supplier", "declared_on": "2026-03-12"}
    stored = (await put(served, path_of(source, "1"), {"name": "A", "offers": [said]})).json()
    row = json.dumps({"external_id": "2", "name": "B", "offers": [said, {"segments": ["ev-entretien"]}]})
    await served.post(f"/sources/{source}/imports", content=row, headers={"content-type": "application/x-ndjson"})
    imported = (await served.get(path_of(source, "2"))).json()
    supplier = (await served.get(f"/suppliers/{imported['supplier_id']}")).json()
    told = [(each["declared_by"], each["declared_on"]) for each in stored["offers"] + supplier["offers"]]
    assert told == [("network", "2026-03-12"), ("network", "2026-03-12"), ("network", None)]
    # the source of what suppliers say is no key's, whatever its scopes
    assert_refused(
        await put(served, path_of("declarations", "1"), {"name": "A", "offers": [said]}), 403, "source-not-on-key"
    )


async def test_a_source_draws_no_more_than_it_may(served: Client, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One by one and by the file; what it has may be put again, and others have a budget of their own."""
    monkeypatch.setattr(served.services, "settings", replace(served.services.settings, source_vertices=40))
    drawn, path = {"offers": polygon(*SQUARE)}, path_of(source, "2")
    await put_record(served, source, "1", **drawn)
    refused = await put(served, path, record(path, **drawn), **{"Accept-Language": "en"})
    assert_refused(refused, 409, "too-many-vertices")
    assert "64 vertices together" in refused.json()["detail"]
    assert "24 more than the 40 allowed" in refused.json()["detail"]
    row = json.dumps(record(path, external_id="2", **drawn)).encode()
    for query in ("dry_run=true", "mode=upsert"):
        assert_refused(await send(served, source, row, query=query), 409, "too-many-vertices")
    assert (await put(served, path_of(source), record(path_of(source), **drawn))).status_code == 200
    await put_record(served, f"{source}-of-another", "2", **drawn)


async def test_what_was_put_is_matched(served: Client, source: str) -> None:
    """And so is its deletion."""
    need = {"territory": {"codes": ["commune:97502"]}, "lots": [{"id": "1", "segments": ["pr-vehicules"]}]}
    offers = [{"segments": ["pr-vehicules"], "service_area": {"codes": ["commune:97502"]}}]

    async def candidates(version: int) -> list[str]:
        await served.services.directory.wait_beyond(version - 1, 60)
        answer = (await served.post("/match", json=need)).json()
        assert answer["stamp"]["data_version"] >= version
        return [candidate["supplier"]["name"] for candidate in answer["lots"][0]["candidates"]]

    stored = await put_record(served, source, name="Lavage de Miquelon", offers=offers)
    assert await candidates(stored["data_version"]) == ["Lavage de Miquelon"]
    await served.delete(f"/sources/{source}/suppliers/1")
    assert await candidates(stored["data_version"] + 1) == []


@pytest.mark.parametrize(
    "external_id", ["FR/35/0012", "a.b.", "Épicerie n° 4", "50%", "a+b c", "?q=1#x", "/a//b/", "é" * 400, "🌱", "a%2Fb"]
)
async def test_an_identifier_is_any_text(served: Client, source: str, external_id: str) -> None:
    path = f"/sources/{source}/suppliers/{quote(external_id, safe='')}"
    created = await put(served, path)
    assert (created.status_code, created.json()["external_id"]) == (201, external_id)
    assert (await served.get(path)).json()["external_id"] == external_id
    assert (await served.delete(path)).status_code == 204


async def test_identifiers_that_look_alike_are_different_records(served: Client, source: str) -> None:
    for external_id in ("a%2Fb", "a%252Fb", "a", "A", "a%20", "%C3%A9", "e%CC%81"):
        assert (await put(served, f"/sources/{source}/suppliers/{external_id}")).status_code == 201


@pytest.mark.parametrize("tail", ["a/b", "a//b", "%00", "a%00b", "%FF", "%C3"])
async def test_what_is_no_identifier_is_not_found(served: Client, source: str, tail: str) -> None:
    path = f"/sources/{source}/suppliers/{tail}"
    for answer in (await put(served, path), await served.get(path), await served.delete(path)):
        assert_refused(answer, 404, "not-found")
    too_long = await put(served, f"/sources/{source}/suppliers/{'x' * 401}")
    assert_refused(too_long, 422, "invalid-content")
    assert [error["pointer"] for error in too_long.json()["errors"]] == ["/external_id"]


@pytest.mark.parametrize("name", ["%00", "a%0Ab", "%FF", "x" * 101])
async def test_what_is_no_source_is_not_found(served: Client, name: str) -> None:
    assert_refused(await put(served, f"/sources/{name}/suppliers/1"), 404, "not-found")


FAULTS: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({"surname": "x"}, ["/surname"]),
    ({"external_id": "1"}, ["/external_id"]),
    ({"employees": "42"}, ["/employees"]),
    ({"contact": {"person": "a\0b"}}, ["/contact/person"]),
    ({"offers": polygon(SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0])}, [f"{DRAWN}/geometry/coordinates"]),
    (
        {"siret": "1", "address": {"commune": "0"}, "offers": [*polygon([0, 0], [0, 0], [0, 0], [0, 0]), {}]},
        ["/siret", "/address/commune", "/offers/1", f"{DRAWN}/geometry/coordinates"],
    ),
)


async def test_everything_wrong_is_said_at_once(served: Client, source: str) -> None:
    path = f"/sources/{source}/suppliers/1"
    for fields, pointers in FAULTS:
        answer = await put(served, path, record(source, **fields))
        assert_refused(answer, 422, "invalid-content")
        assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert_refused(await served.get(path), 404, "not-found")


async def test_what_is_doubtful_is_flagged_not_refused(served: Client, source: str) -> None:
    doubts: dict[str, Any] = {"siret": misprinted(siret(source)), "offers": [], "location": {"lat": 48.85, "lon": 2.35}}
    stored = await put_record(served, source, **doubts)
    assert {flag["code"] for flag in stored["flags"]} == {"siret_check_failed", "no_offer", "point_far_from_commune"}
    supplier = (await served.get(f"/suppliers/{stored['supplier_id']}")).json()
    assert {flag["code"] for flag in supplier["flags"]} == {flag["code"] for flag in stored["flags"]}


async def test_a_key_writes_its_own_sources_only(served: Client, source: str) -> None:
    await put_record(served, source)
    path = f"/sources/{source}/suppliers/1"
    mine = await key(served, "sync", sources=(source,))
    other = await key(served, "sync", sources=("another",))

    assert (await served.get(path, headers=mine)).status_code == 200
    assert_refused(await served.get(path, headers=other), 403, "source-not-on-key")
    assert_refused(await put(served, path, None, **other), 403, "source-not-on-key")
    assert_refused(await served.delete(path, headers=other), 403, "source-not-on-key")
    administrator = await key(served, "admin")
    assert_refused(await put(served, path, None, **administrator), 403, "source-not-on-key")
    assert_refused(await served.delete(path, headers=administrator), 403, "source-not-on-key")
    assert (await served.delete(path, headers=mine)).status_code == 204


async def test_a_stale_match_changes_nothing(served: Client, source: str) -> None:
    path = f"/sources/{source}/suppliers/1"
    assert_refused(await put(served, path, None, **{"If-Match": "*"}), 412, "stale-version")
    old = (await put(served, path)).headers["etag"]
    new = (await put(served, path, record(path, ess=True), **{"If-Match": old})).headers["etag"]
    assert new != old

    assert_refused(await put(served, path, record(path, ess=False), **{"If-Match": old}), 412, "stale-version")
    assert_refused(await served.delete(path, headers={"If-Match": f"{old}, W/{new}"}), 412, "stale-version")
    assert (await served.get(path)).json()["ess"] is True
    assert (await served.delete(path, headers={"If-Match": f'"x", {new}'})).status_code == 204


async def test_the_tag_of_a_compressed_record_matches_it(served: Client, source: str) -> None:
    """Clients that ask for gzip change what they have read as others do."""
    path = f"/sources/{source}/suppliers/1"
    await put(served, path, record(path, description="Entretien d'espaces verts. " * 100))
    read = await served.get(path, headers={"Accept-Encoding": "gzip"})
    old, plain = read.headers["etag"], (await served.get(path, headers={"Accept-Encoding": "identity"})).headers["etag"]
    assert (read.headers["content-encoding"], old != plain) == ("gzip", True)
    assert_refused(await served.delete(path, headers={"If-Match": f"W/{old}"}), 412, "stale-version")
    assert (await put(served, path, record(path, ess=True), **{"If-Match": old})).status_code == 200
    assert_refused(await served.delete(path, headers={"If-Match": old}), 412, "stale-version")


async def test_what_is_known_is_not_sent_again(served: Client, source: str) -> None:
    """The version of the whole directory does not make a record another."""
    path = f"/sources/{source}/suppliers/1"
    etag = (await put(served, path)).headers["etag"]
    await put_record(served, source, "2")
    answer = await served.get(path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


async def test_a_record_without_a_commune_is_placed_by_its_postal_code_and_city(served: Client, source: str) -> None:
    """What is no postal code is refused with what would be right."""
    where: dict[str, Any] = {"location": None, "address": {"postal_code": "56300", "city": "PONTIVY"}}
    stored = await put_record(served, source, **where)
    assert (stored["address"]["commune"], [flag["code"] for flag in stored["flags"]]) == (
        "56178",
        ["placed_at_commune"],
    )
    path = path_of(source, "2")
    answer = await put(served, path, record(path, address={"postal_code": "99999", "city": "Pontivy"}))
    assert_refused(answer, 422, "invalid-content")
    (error,) = answer.json()["errors"]
    assert (error["pointer"], "56300" in error["detail"]) == ("/address/postal_code", True)
