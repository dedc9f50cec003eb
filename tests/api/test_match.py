"""POST /match over HTTP, on a small directory held in memory."""

import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.settings import Settings
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.supplier import SizeInEuros, SupplierSize
from matching.engine import match_json
from matching.reference import Reference
from tests.api.conftest import portal
from tests.factories import PARIS, RENNES, approved, supplier

JSON = "application/json"
NEED: dict[str, Any] = {"territory": {"codes": ["departement:35"]}, "lots": [{"id": "1", "segments": ["pr-locaux"]}]}


@pytest.fixture(scope="module")
async def client(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A portal with a key, on a directory of two suppliers."""
    async with portal(
        settings, reference, supplier("rennais", at=RENNES, approvals=approved("ESAT")), supplier("parisien", at=PARIS)
    ) as client:
        yield client


async def post(client: AsyncTestClient[Litestar], body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post("/match", content=content, headers={"Content-Type": JSON} | headers)


def with_lot(**fields: Any) -> dict[str, Any]:
    return NEED | {"lots": [NEED["lots"][0] | fields]}


async def test_the_answer_is_a_shortlist(client: AsyncTestClient[Litestar]) -> None:
    """Of up to two hundred lots; segments say where they come from."""
    answer = await post(client, with_lot(cpv=["90919200"], keywords=["nettoyage de bureaux"]))
    assert answer.status_code == 200
    (lot,) = msgspec.json.decode(answer.content, type=Shortlist).lots
    assert [candidate.supplier.name for candidate in lot.candidates] == ["rennais"]
    assert [missed.supplier.name for missed in lot.near_misses] == ["parisien"]
    row = answer.json()["lots"][0]["requested"][0]
    assert row["from"] == ["segment:pr-locaux", "cpv:90919200", "keyword:nettoyage de bureaux"]
    lots = [{"id": str(number), "segments": ["pr-locaux"]} for number in range(200)]
    assert len((await post(client, NEED | {"lots": lots})).json()["lots"]) == 200


async def test_a_site_may_be_supposed_and_null_says_that_it_may_not(client: AsyncTestClient[Litestar]) -> None:
    named = {"title": "Nettoyage à Redon"}
    (supposed,) = (await post(client, with_lot(**named))).json()["lots"]
    assert supposed["supposed_site"] == {"commune": "35236", "label": "Redon", "from": "title"}
    assert supposed["candidates"][0]["measured_to"] == "supposed_site"
    (off,) = (await post(client, with_lot(**named, site=None))).json()["lots"]
    assert (off["supposed_site"], off["candidates"][0]["measured_to"]) == (None, "territory")
    assert supposed["total"] == off["total"]


async def test_what_words_may_mean_is_suggested_and_what_no_field_holds_is_told(
    client: AsyncTestClient[Litestar],
) -> None:
    """The same words say the same as a title and as a keyword."""
    words = "Collecte de biodéchets des restaurants scolaires"
    lots = [
        {"id": "1", "title": f"{words}, 3 ans, 800 kg/jour"},
        {"id": "2", "title": words},
        {"id": "3", "keywords": [words]},
    ]
    told, title, keyword = (await post(client, NEED | {"lots": lots})).json()["lots"]
    by_need = (
        await post(client, NEED | {"title": "Marché de 3 ans", "lots": [{"id": "1", "keywords": ["tonte"]}]})
    ).json()
    advice = [each["message"] for lot in (told, *by_need["lots"]) for each in lot["advice"] if "USED" in each["code"]]
    assert ("« 3 ans », « 800 kg/jour »" in advice[0], "« 3 ans »" in advice[1]) == (True, True)
    for field in ("requested", "suggested"):
        assert title[field]
        assert [each | {"from": []} for each in title[field]] == [each | {"from": []} for each in keyword[field]]


async def test_words_alone_do_not_say_that_a_purchase_is_works(client: AsyncTestClient[Litestar]) -> None:
    """Paint is bought too: of a nature that nobody states, the lower thresholds of supplies and services hold."""
    lot = {"id": "1", "title": "Achat de peintures", "value_eur": 80_000}
    codes = [
        {each["code"] for each in (await post(client, NEED | {"lots": [lot | more]})).json()["advice"]}
        for more in ({}, {"nature": "works"})
    ]
    assert [("GRE_A_GRE" in each, "MAPA" in each) for each in codes] == [(False, True), (True, False)]


async def test_what_words_may_mean_refuses_no_reservation(client: AsyncTestClient[Litestar]) -> None:
    """Nor does a trade that a code names: that a service on premises is not for a prison is this project's list."""
    lot = {"id": "1", "value_eur": 80_000, "reserved": ["penitentiary"]}
    told = {}
    said: dict[str, dict[str, Any]] = {
        "named": {"segments": ["pr-locaux"]},
        "words": {"keywords": ["nettoyage de bureaux"]},
        "title": {"title": "Entretien des locaux"},
    }
    for name, more in said.items():
        answer = (await post(client, NEED | {"lots": [lot | more]})).json()["lots"][0]
        (found,) = (each for each in answer["reservation"]["findings"] if each["code"] == "INELIGIBLE_OBJECT")
        told[name] = (answer["reservation"]["outcome"], found["confidence"])
    assert told == dict.fromkeys(said, ("REVIEW", "medium"))


async def test_candidates_on_a_map(client: AsyncTestClient[Litestar]) -> None:
    answer = await post(client, NEED, Accept="application/geo+json")
    assert answer.headers["content-type"] == "application/geo+json"
    feature = answer.json()["features"][0]
    assert feature["geometry"] == {"type": "Point", "coordinates": [RENNES.lon, RENNES.lat]}
    assert {"lot": "1", "rank": 1, "name": "rennais", "distance_km": 0.0}.items() <= feature["properties"].items()


async def test_messages_change_with_the_language_and_codes_do_not(client: AsyncTestClient[Litestar]) -> None:
    french, english = await post(client, NEED), await post(client, NEED, **{"Accept-Language": "en"})
    told = [answer.json()["lots"][0]["near_misses"][0] for answer in (french, english)]
    assert told[0]["message"] != told[1]["message"]
    assert told[0]["excluded_by"] == told[1]["excluded_by"] == "service_area"


async def test_places_that_nobody_asked_for_yet_keep_no_other_request_waiting(
    client: AsyncTestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are matched in a thread, the first time."""
    threads = []

    def noted(*arguments: Any) -> bytes:
        threads.append(threading.current_thread())
        return match_json(*arguments)

    monkeypatch.setattr("api.match.match_json", noted)
    asked = NEED | {"territory": {"near": {"lat": 47.9, "lon": -1.9}, "radius_km": 13.5}}
    answers = [await post(client, asked) for _ in range(3)]
    assert threads[1] == threads[2] != threads[0]
    assert len({answer.content for answer in answers}) == 1


RING = [[-1.7, 48.1], [-1.6, 48.1], [-1.6, 48.2], [0, 48]]


INVALID_NEEDS = [
    (with_lot(value_eur="240000"), "/lots/0/value_eur", "wrong_type"),
    (with_lot(site={"commune": "35238", "lat": 48.1, "lon": -1.7}), "/lots/0/site", "place_form"),
    (with_lot(territory={"geometry": {"type": "Polygon", "coordinates": [RING]}}), None, "ring_not_closed"),
    ({"territory": None}, "/lots/0/territory", None),
    ({"limit": 101}, "/limit", "out_of_range"),
]
"""Of what decoding and matching refuse, which their own tests go through."""


@pytest.mark.parametrize(("fields", "where", "code"), INVALID_NEEDS)
async def test_an_invalid_need_is_refused_with_its_place(
    client: AsyncTestClient[Litestar], fields: dict[str, Any], where: str | None, code: str | None
) -> None:
    answer = await post(client, NEED | fields)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    error = answer.json()["errors"][0]
    assert where in {None, error["pointer"]}, error
    assert code in {None, error["code"]}, error


async def test_real_notices_can_be_matched(client: AsyncTestClient[Litestar], shared_data: Path) -> None:
    """The CPV and NUTS of 143 French notices: no server error, and all but those abroad are answered."""
    statuses = []
    for line in (shared_data / "notices/notices_ted_fr_sample.ndjson").read_text().splitlines():
        notice, lots = json.loads(line), []
        for number, lot in enumerate(notice["lots"] or [{}]):
            nuts = (lot.get("places") or {}).get("nuts") or notice["buyer_nuts"] or ["FR"]
            cpv = [notice["cpv_main"], *(lot.get("cpv_add") or [])]
            lots.append({"id": str(number), "cpv": cpv, "territory": {"codes": [f"nuts:{code}" for code in nuts]}})
        statuses.append((await post(client, {"lots": lots})).status_code)
    assert len(statuses) == 143
    assert set(statuses) <= {200, 422}
    assert statuses.count(200) >= 0.95 * len(statuses)


async def test_a_need_far_too_large_for_all_is_never_good(settings: Settings, reference: Reference) -> None:
    """Nor one whose candidates' sizes are not known; each candidate says how the lot compares to what it did."""
    won = SupplierSize(largest_award_eur=SizeInEuros(1_000_000.0, source="decp"))
    pool = [supplier(f"n° {number}", size=won) for number in range(6)]
    async with portal(settings, reference, *pool, supplier("inconnu")) as client:
        (lot,) = (await post(client, with_lot(value_eur=24_000_000, duration_months=12))).json()["lots"]
        assert lot["total"] == 7
        assert (lot["coverage"][0]["candidates"], lot["coverage"][0]["beyond_reach"]) == (7, 6)
        assert lot["tension"]["level"] == "critical"
        assert "RISK_INFRUCTUEUX" not in {advice["code"] for advice in lot["advice"]}, "the size of one is not known"
        assert "Le montant est trop grand pour 6 autres" in lot["tension"]["message"]
        levels = {row["supplier"]["name"]: row["reach"]["level"] for row in lot["candidates"]}
        assert levels == {each.name: "beyond" for each in pool} | {"inconnu": "unknown"}
        (lot,) = (await post(client, with_lot(value_eur=4_000_000, duration_months=48))).json()["lots"]
        assert lot["tension"] == {
            "level": "good",
            "message": "Au moins 7 fournisseurs repérés par métier demandé. On ignore la taille d'un fournisseur",
            "unknown": 0,
        }
    async with portal(settings, reference, *(supplier(f"n° {number}") for number in range(38))) as client:
        for value, level, said in (
            (24_000_000, "low", "38 fournisseurs repérés, mais aucun dont on sache qu'il est à la taille"),
            (1_000_000, "good", "On ignore la taille de 38 fournisseurs"),
        ):
            (lot,) = (await post(client, with_lot(value_eur=value, duration_months=12))).json()["lots"]
            assert (lot["tension"]["level"], said in lot["tension"]["message"]) == (level, True)
