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
from matching.engine import match_json
from matching.reference import Reference
from tests.api.conftest import portal
from tests.api.refusals import assert_refused
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
    answer = await post(client, NEED)
    assert answer.status_code == 200
    shortlist = msgspec.json.decode(answer.content, type=Shortlist)
    assert [candidate.supplier.name for candidate in shortlist.lots[0].candidates] == ["rennais"]
    assert [missed.supplier.name for missed in shortlist.lots[0].near_misses] == ["parisien"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value_eur": 50_000}, ["GRE_A_GRE"]),
        ({"value_eur": 50_000, "duration_months": 12, "renewal_months": 36}, ["ESTIMATED_VALUE", "MAPA"]),
        ({"value_eur": 60_000, "duration_months": 12, "renewal_months": 36}, ["ESTIMATED_VALUE", "PROC_FORMALISEE"]),
        ({"value_eur": 60_000, "renewal_months": 36}, ["VALUE_UNKNOWN"]),
        ({"value_eur": 59_999.99, "renewal_months": 36, "value_covers": "all", "options_eur": 1}, ["GRE_A_GRE"]),
        ({"value_eur": 50_000, "options_eur": 9_999.99}, ["ESTIMATED_VALUE", "GRE_A_GRE"]),
        ({"value_eur": 50_000, "options_eur": 10_000}, ["ESTIMATED_VALUE", "MAPA"]),
    ],
)
async def test_the_estimated_value_counts_renewals_and_options(
    client: AsyncTestClient[Litestar], fields: dict[str, Any], expected: list[str]
) -> None:
    asked = with_lot(**fields) | {"buyer": {"kind": "local"}, "on": "2026-11-29"}
    told = [each["code"] for each in (await post(client, asked)).json()["advice"]]
    of_value = {"ESTIMATED_VALUE", "VALUE_UNKNOWN", "GRE_A_GRE", "MAPA", "PROC_FORMALISEE"}
    assert [code for code in told if code in of_value] == expected


@pytest.mark.parametrize(("field", "value"), [("options_eur", -0.01), ("value_covers", "some")])
async def test_what_the_amount_covers_is_checked(client: AsyncTestClient[Litestar], field: str, value: object) -> None:
    answer = await post(client, with_lot(**{field: value}))
    assert_refused(answer, 422, "invalid-content")
    assert [each["pointer"] for each in answer.json()["errors"]] == [f"/lots/0/{field}"]


async def test_the_requested_segments_say_where_they_come_from(client: AsyncTestClient[Litestar]) -> None:
    answer = await post(client, with_lot(cpv=["90919200"], keywords=["nettoyage de bureaux"]))
    row = answer.json()["lots"][0]["requested"][0]
    assert row["from"] == ["segment:pr-locaux", "cpv:90919200", "keyword:nettoyage de bureaux"]


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


async def test_a_need_of_two_hundred_lots(client: AsyncTestClient[Litestar]) -> None:
    lots = [{"id": str(number), "segments": ["pr-locaux"]} for number in range(200)]
    answer = await post(client, NEED | {"lots": lots})
    assert len(answer.json()["lots"]) == 200


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


async def test_the_key_needs_the_scope(client: AsyncTestClient[Litestar]) -> None:
    assert_refused(await post(client, NEED, Authorization=""), 401, "no-valid-key")
    assert_refused(await post(client, NEED, Authorization="Bearer nobody"), 503, "database-away")


NEAR = {"commune": "35238"}
RING = [[-1.7, 48.1], [-1.6, 48.1], [-1.6, 48.2], [-1.7, 48.1]]
INVALID_LOTS = [
    ({"segments": []}, "/lots/0", "no_object"),
    ({"segments": ["pr-loco"]}, "/lots/0/segments/0", "unknown_code"),
    ({"segments": "pr-locaux"}, "/lots/0/segments", "wrong_type"),
    ({"support_segments": ["nothing"]}, "/lots/0/support_segments/0", "unknown_code"),
    ({"cpv": ["90919201"]}, "/lots/0/cpv/0", "unknown_code"),
    ({"cpv": ["cleaning"]}, "/lots/0/cpv/0", "unknown_code"),
    ({"cpv": [90919200]}, "/lots/0/cpv/0", "wrong_type"),
    ({"value_eur": "240000"}, "/lots/0/value_eur", "wrong_type"),
    ({"value_eur": -1}, "/lots/0/value_eur", "out_of_range"),
    ({"duration_months": 0}, "/lots/0/duration_months", "out_of_range"),
    ({"duration_months": 1.5}, "/lots/0/duration_months", "wrong_type"),
    ({"reserved": ["disabled"]}, "/lots/0/reserved/0", "unknown_value"),
    ({"nature": "work"}, "/lots/0/nature", "unknown_value"),
    ({"innovative": "yes"}, "/lots/0/innovative", "wrong_type"),
    ({"max_distance_km": 0}, "/lots/0/max_distance_km", "out_of_range"),
    ({"site": {}}, "/lots/0/site", "place_form"),
    ({"site": {"lat": 48.1}}, "/lots/0/site", "place_form"),
    ({"site": {"lat": 91, "lon": 0}}, "/lots/0/site/lat", "out_of_range"),
    ({"site": {"commune": "35238", "lat": 48.1, "lon": -1.7}}, "/lots/0/site", "place_form"),
    ({"site": {"commune": "00000"}}, "/lots/0/site/commune", "unknown_code"),
    ({"colour": "red"}, "/lots/0/colour", "unknown_field"),
    ({"territory": {}}, "/lots/0/territory", "territory_form"),
    ({"territory": {"codes": []}}, "/lots/0/territory/codes", "wrong_length"),
    ({"territory": {"codes": ["commune:99999"]}}, "/lots/0/territory/codes/0", "unknown_code"),
    ({"territory": {"codes": ["nuts:FRZZZ"]}}, "/lots/0/territory/codes/0", "unknown_code"),
    ({"territory": {"codes": ["35"]}}, "/lots/0/territory/codes/0", "unknown_code"),
    ({"territory": {"codes": ["departement:35"], "near": NEAR}}, "/lots/0/territory", "territory_form"),
    ({"territory": {"near": NEAR}}, "/lots/0/territory", "territory_form"),
    ({"territory": {"near": NEAR, "radius_km": -3}}, "/lots/0/territory/radius_km", "out_of_range"),
    ({"territory": {"near": {"lat": -1.7, "lon": 48.1}, "radius_km": 9}}, "/lots/0/territory/near", "outside_france"),
    ({"territory": {"geometry": {"type": "Point", "coordinates": [0, 48]}}}, "/lots/0/territory/geometry/type", None),
    ({"territory": {"geometry": {"type": "Polygon", "coordinates": [RING[:3]]}}}, None, None),
    ({"territory": {"geometry": {"type": "Polygon", "coordinates": [[*RING[:3], [0, 48]]]}}}, None, "ring_not_closed"),
]


@pytest.mark.parametrize(("fields", "where", "code"), INVALID_LOTS)
async def test_an_invalid_lot_is_refused_with_its_place(
    client: AsyncTestClient[Litestar], fields: dict[str, Any], where: str | None, code: str | None
) -> None:
    answer = await post(client, with_lot(**fields))
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    error = answer.json()["errors"][0]
    assert where in {None, error["pointer"]}, error
    assert code in {None, error["code"]}, error


INVALID_NEEDS = [
    ({"lots": []}, "/lots"),
    ({"lots": [NEED["lots"][0]] * 2}, "/lots/1/id"),
    ({"lots": [{"segments": ["pr-locaux"]}]}, "/lots/0/id"),
    ({"territory": None}, "/lots/0/territory"),
    ({"limit": 101}, "/limit"),
    ({"limit": 0}, "/limit"),
    ({"near_misses": 51}, "/near_misses"),
    ({"groupings": 11}, "/groupings"),
    ({"on": "24/11/2026"}, "/on"),
    ({"on": "2026-02-30"}, "/on"),
    ({"contract": "gift"}, "/contract"),
    ({"technique": "auction"}, "/technique"),
    ({"buyer": {"kind": "region"}}, "/buyer/kind"),
    ({"buyer": {"siret": "123"}}, "/buyer/siret"),
    ({"buyer": "Département"}, "/buyer"),
    ({"surprise": 1}, "/surprise"),
]


@pytest.mark.parametrize(("fields", "where"), INVALID_NEEDS)
async def test_an_invalid_need_is_refused_with_its_place(
    client: AsyncTestClient[Litestar], fields: dict[str, Any], where: str
) -> None:
    answer = await post(client, NEED | fields)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == where


async def test_everything_wrong_is_said_at_once(client: AsyncTestClient[Litestar]) -> None:
    lots = [{"id": "1", "segments": ["pr-loco"]}, {"id": "1", "cpv": ["1"], "site": {"commune": "0"}}]
    answer = await post(client, {"territory": {"codes": ["departement:350"]}, "lots": lots})
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {
        "/lots/0/segments/0",
        "/lots/1/id",
        "/lots/1/cpv/0",
        "/lots/1/site/commune",
        "/territory/codes/0",
    }


async def test_unknown_territories_are_a_problem_of_their_own(client: AsyncTestClient[Litestar]) -> None:
    answer = await post(client, with_lot(territory={"codes": ["epci:243500742"]}))
    assert_refused(answer, 422, "unknown-territory")
    assert "epci:243500741" in answer.json()["errors"][0]["detail"]


async def test_real_notices_can_be_matched(client: AsyncTestClient[Litestar], shared_data: Path) -> None:
    """The CPV and NUTS of 143 French notices: no server error, and all but those abroad are answered."""
    statuses = []
    for line in (shared_data / "notices/notices_ted_fr_sample.ndjson").read_text().splitlines():
        answer = await post(client, need_of_notice(json.loads(line)))
        statuses.append(answer.status_code)
    assert len(statuses) == 143
    assert set(statuses) <= {200, 422}
    assert statuses.count(200) >= 0.95 * len(statuses)


def need_of_notice(notice: dict[str, Any]) -> dict[str, Any]:
    lots = []
    for number, lot in enumerate(notice["lots"] or [{}]):
        nuts = (lot.get("places") or {}).get("nuts") or notice["buyer_nuts"] or ["FR"]
        cpv = [notice["cpv_main"], *(lot.get("cpv_add") or [])]
        lots.append({"id": str(number), "cpv": cpv, "territory": {"codes": [f"nuts:{code}" for code in nuts]}})
    return {"lots": lots}
