"""Reference data: complete, searchable, cacheable, in two languages where there are words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from matching.reference import Reference


async def test_segments(client: AsyncTestClient[Any], reference: Reference) -> None:
    """Every family with its segments, under the names of the contract."""
    families = (await client.get("/segments")).json()["items"]
    segments = [segment for family in families for segment in family["segments"]]
    assert [segment["id"] for segment in segments] == list(reference.taxonomy.segments)
    assert set(families[0]) == {"id", "label", "segments"}
    assert set(segments[0]) >= {"id", "label", "synonyms", "cpv", "naf", "naf2025", "rome", "related"}


@pytest.mark.parametrize(
    ("q", "first"), [("tonte", "ev-entretien"), ("nettoyage de bureaux", "pr-locaux"), ("netoyage", "pr-locaux")]
)
async def test_segments_are_found_by_words(q: str, first: str, client: AsyncTestClient[Any]) -> None:
    """The likeliest first, with a confidence; slips are forgiven."""
    hits = (await client.get("/segments/search", params={"q": q})).json()["items"]
    assert hits[0]["id"] == first
    assert 0 < hits[0]["confidence"] <= 1


async def test_search_is_bounded(client: AsyncTestClient[Any]) -> None:
    """`limit` is kept to; words without meaning find nothing, which is no error."""
    assert len((await client.get("/segments/search?q=entretien&limit=2")).json()["items"]) <= 2
    assert (await client.get("/segments/search?q=%20%20")).json()["items"] == []
    assert (await client.get("/segments/search?q=xyzzyx")).json()["items"] == []


async def test_territories_are_found_by_name(client: AsyncTestClient[Any]) -> None:
    """A name and a kind lead to a code to use in a need, with what is around it."""
    answer = (await client.get("/territories?q=redon&kind=epci")).json()
    found = answer["items"][0]
    assert (found["id"], found["label"]) == ("epci:243500741", "Redon Agglomération")
    assert {"id": "departement:44", "label": "Loire-Atlantique"} in found["parents"]
    assert answer["next_cursor"] is None


async def test_all_territories(client: AsyncTestClient[Any]) -> None:
    """Without words, everything, one kind after the other, page by page without a gap."""
    first = (await client.get("/territories?limit=10")).json()
    second = (await client.get("/territories", params={"limit": 10, "cursor": first["next_cursor"]})).json()
    met = [item["id"] for item in first["items"] + second["items"]]
    regions = [item["id"] for item in (await client.get("/territories?kind=region")).json()["items"]]
    assert met[: 1 + len(regions)] == ["country:FR", *regions]
    assert len(set(met)) == 20


@pytest.mark.parametrize(
    ("territory", "identity", "label"),
    [
        ("departement:56", "departement:56", "Morbihan"),
        ("commune:75111", "commune:75056", "Paris"),
        ("commune:56178", "commune:56178", "Pontivy"),
        ("nuts:FR523", "nuts:FRH03", "Ille-et-Vilaine"),
        ("country:FR", "country:FR", "France"),
        ("departement:2A", "departement:2A", "Corse-du-Sud"),
    ],
)
async def test_one_territory(territory: str, identity: str, label: str, client: AsyncTestClient[Any]) -> None:
    """By its full code; a retired one answers with its successor. The middle lies in the box."""
    found = (await client.get(f"/territories/{territory}")).json()
    west, south, east, north = found["bbox"]
    assert (found["id"], found["label"]) == (identity, label)
    assert west < found["centroid"]["lon"] < east
    assert south < found["centroid"]["lat"] < north


async def test_territory_as_geojson(client: AsyncTestClient[Any]) -> None:
    """The outline as a feature, longitude first, with the box around it; JSON stays the default."""
    headers = {"Accept": "application/geo+json"}
    answer = await client.get("/territories/epci:243500741", headers=headers)
    feature = answer.json()
    xs = [x for polygon in feature["geometry"]["coordinates"] for ring in polygon for x, _ in ring]
    assert answer.headers["content-type"] == "application/geo+json"
    assert (feature["type"], feature["geometry"]["type"]) == ("Feature", "MultiPolygon")
    assert feature["bbox"][0] == min(xs)
    assert feature["bbox"][2] == max(xs)
    assert feature["properties"]["label"] == "Redon Agglomération"


async def test_territory_without_outline(client: AsyncTestClient[Any]) -> None:
    """Overseas collectivities are known, though not drawn."""
    found = (await client.get("/territories/departement:987")).json()
    feature = (await client.get("/territories/departement:987", headers={"Accept": "application/geo+json"})).json()
    assert (found["label"], found["bbox"], found["centroid"]) == ("Polynésie française", None, None)
    assert feature["geometry"] is None


@pytest.mark.parametrize("code", ["epci:24350074", "epci:", "epci", "redon", "nuts:FRZZZ", "planet:mars", "a:b:c"])
async def test_unknown_territory(code: str, client: AsyncTestClient[Any]) -> None:
    """A malformed or unknown code is a path that leads nowhere."""
    assert (await client.get(f"/territories/{code}")).status_code == 404


async def test_a_near_code_is_suggested(client: AsyncTestClient[Any]) -> None:
    """A digit less, and the one meant is named."""
    detail = (await client.get("/territories/epci:24350074", headers={"Accept-Language": "en"})).json()["detail"]
    assert "epci:243500741" in detail


async def test_rules(client: AsyncTestClient[Any]) -> None:
    """Every rule in force on a day, with its article, source and confidence."""
    listed = (await client.get("/rules?on=2026-11-24")).json()
    rules = {rule["id"]: rule for rule in listed["items"]}
    fields = {"id", "article", "value", "valid_from", "valid_until", "source", "confidence", "message"}
    assert listed["on"] == "2026-11-24"
    assert len(rules) == len(listed["items"]) > 20
    assert all(fields <= set(rule) for rule in rules.values())
    assert all((r["valid_from"] or "") <= "2026-11-24" <= (r["valid_until"] or "9999") for r in rules.values())


async def test_rules_of_today(app: Litestar, client: AsyncTestClient[Any]) -> None:
    """Without a date, the day it is in France: at half past eleven in the evening UTC, tomorrow."""
    services = app.state.services
    before, services.now = services.now, lambda: datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    try:
        assert (await client.get("/rules")).json()["on"] == "2026-11-25"
    finally:
        services.now = before


async def test_one_rule_through_time(client: AsyncTestClient[Any]) -> None:
    """Every period, oldest first; messages in the language asked for; an unknown rule is 404."""
    name = (await client.get("/rules?on=2026-11-24")).json()["items"][0]["id"]
    french = (await client.get(f"/rules/{name}")).json()
    english = (await client.get(f"/rules/{name}", headers={"Accept-Language": "en"})).json()
    starts = [period["valid_from"] or "" for period in french["items"]]
    assert french["id"] == name
    assert starts == sorted(starts)
    assert french["items"][0]["message"] != english["items"][0]["message"]
    assert (await client.get("/rules/no_such_rule")).status_code == 404


async def test_a_period_without_rule_says_why(client: AsyncTestClient[Any]) -> None:
    """That the law had no such rule is not that nobody knows."""
    periods = {
        name: (await client.get(f"/rules/{name}")).json()["items"] for name in ("reserved_penitentiary", "eu_local")
    }
    assert [period["status"] for period in periods["reserved_penitentiary"]] == ["absent", "in_force"]
    assert periods["eu_local"][-1] | {"status": "unknown", "value": None} == periods["eu_local"][-1]


async def test_every_applied_rule_is_explained(client: AsyncTestClient[Any]) -> None:
    """Also one that only past awards bring into play."""
    periods = (await client.get("/rules/ess_award_bar_months")).json()["items"]
    assert [rule["explanation"] for rule in periods if "previous 36 months" not in rule["explanation"]] == []
    assert len(periods) > 1


@pytest.mark.parametrize("path", ["/segments", "/territories/departement:56", "/rules?on=2026-11-24"])
async def test_reference_data_is_cached(path: str, client: AsyncTestClient[Any]) -> None:
    """A client asks again with the ETag and gets a 304 without content; another language is another answer."""
    first = await client.get(path)
    etag = first.headers["etag"]
    assert first.headers["cache-control"].startswith("public, max-age=")
    assert "accept-language" in first.headers["vary"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = await client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
