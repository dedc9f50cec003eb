"""Reference data: complete, searchable, cacheable, in two languages where there are words."""

from typing import Any

import pytest
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
    """The likeliest first, with a confidence; slips are forgiven; words without meaning find nothing."""
    for limit in (10, 1):
        hits = (await client.get("/segments/search", params={"q": q, "limit": limit})).json()["items"]
        assert (hits[0]["id"], len(hits) <= limit) == (first, True)
        assert 0 < hits[0]["confidence"] <= 1
    for nothing in (" ", "xyzzyx"):
        assert (await client.get("/segments/search", params={"q": nothing})).json()["items"] == []


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


async def test_overseas_collectivities_are_not_drawn(client: AsyncTestClient[Any]) -> None:
    found = (await client.get("/territories/departement:987")).json()
    assert (found["label"], found["bbox"], found["centroid"]) == ("Polynésie française", None, None)
    feature = (await client.get("/territories/departement:987", headers={"Accept": "application/geo+json"})).json()
    assert (feature["type"], feature["geometry"], feature["properties"]) == ("Feature", None, found)


@pytest.mark.parametrize("code", ["epci:24350074", "epci:", "epci", "redon", "nuts:FRZZZ", "planet:mars", "a:b:c"])
async def test_unknown_territory(code: str, client: AsyncTestClient[Any]) -> None:
    """A malformed or unknown code is a path that leads nowhere; with a digit less, the one meant is named."""
    answer = await client.get(f"/territories/{code}", headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    assert code != "epci:24350074" or "epci:243500741" in answer.json()["detail"]
