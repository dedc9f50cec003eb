"""GET /supply over HTTP: without a key, as JSON, CSV and GeoJSON, cached, and refused in plain words.

Answers are made one at a time, each once, and whoever asks too much at once is told to come back.
"""

import asyncio
import csv
import threading
from collections.abc import AsyncIterator
from io import StringIO
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.runtime.processes.match_work import MOST_OF_ONE_ADDRESS, SupplyAnswers
from api.runtime.rate_limits import SUPPLY_ANSWERS, Limits
from api.settings import Settings
from api.supply import MOST_SUGGESTIONS
from api.web.problems import Refusal
from domain.supply import Supply
from matching.inspection.supply import SupplySearch
from matching.reference import Reference
from tests.api.conftest import portal
from tests.api.refusals import assert_refused
from tests.factories import LYON, RENNES, approved, offer, offerless, supplier

RENNES_AND_AROUND = "/supply?territory=departement:35"


@pytest.fixture(scope="module")
async def client(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """Whoever asks, on a directory of three suppliers."""
    async with portal(
        settings,
        reference,
        supplier("rennais", at=RENNES, approvals=approved("ESAT"), kinds=("ESAT",), legal_form="association"),
        supplier("lyonnais", offer(national=True), at=LYON),
        offerless("inconnu", at=RENNES),
        key=None,
    ) as client:
        yield client


async def test_the_supply_of_all_segments(client: AsyncTestClient[Litestar], reference: Reference) -> None:
    """Without a key; every segment of the taxonomy, also those that nobody offers."""
    answer = await client.get(RENNES_AND_AROUND + "&on=2026-11-24")
    assert answer.status_code == 200
    found = msgspec.json.decode(answer.content, type=Supply)
    assert [item.segment for item in found.items] == list(reference.taxonomy.segments)
    (cleaning,) = (item for item in answer.json()["items"] if item["segment"] == "pr-locaux")
    assert cleaning == {
        "segment": "pr-locaux",
        "label": reference.taxonomy.label("pr-locaux"),
        "suppliers": 2,
        "local": 1,
        "by_basis": {"declared": 2, "awarded": 0, "inferred": 0},
        "reserved": {"handicap": 2, "iae": 1, "handicap_iae": 2, "penitentiary": 2, "ess": 2},
        "tension": "critical",
    }
    assert answer.json()["territory"] == {"label": "Ille-et-Vilaine", "codes": ["departement:35"]}
    assert answer.json()["unknown_trade"] == {"total": 1, "by_kind": {"none": 1}}
    assert set(answer.json()["unknown_reserved"].values()) == {0}
    assert answer.json()["totals"] == {
        "suppliers": 2,
        "by_family": {"association": 1, "unknown": 1},
        "by_kind": {"ESAT": 1, "none": 1},
        "employees": 0,
        "employees_known": 0,
    }


async def test_a_table_for_spreadsheets(client: AsyncTestClient[Litestar]) -> None:
    """A row per segment under the dotted paths, in a file with a name; for French ones not that cached for others."""
    asked = RENNES_AND_AROUND + "&segments=pr-locaux,de-bio&on=2026-11-24"
    answer = await client.get(asked, headers={"accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="offre-departement-35-2026-11-24.csv"'
    first, second = csv.DictReader(StringIO(answer.text))
    assert list(first) == [
        "segment", "label", "suppliers", "local", "by_basis.declared", "by_basis.awarded", "by_basis.inferred",
        "reserved.handicap", "reserved.iae", "reserved.handicap_iae", "reserved.penitentiary", "reserved.ess",
        "tension",
    ]  # fmt: skip
    assert (first["suppliers"], first["by_basis.declared"], first["reserved.iae"]) == ("2", "2", "1")
    assert (second["segment"], second["tension"]) == ("de-bio", "none")
    assert (await client.get(f"{asked}&csv=plain")).content == answer.content
    assert (await client.get(f"{asked}&csv=excel")).content.startswith("\ufeffsegment;label;".encode())


async def test_a_map(client: AsyncTestClient[Litestar]) -> None:
    """Of EPCI, or of communes."""
    for level, number in ((None, 18), ("commune", 331)):
        asked = RENNES_AND_AROUND + (f"&level={level}" if level else "")
        answer = await client.get(asked, headers={"accept": "application/geo+json"})
        assert answer.headers["content-type"] == "application/geo+json"
        assert answer.headers["content-disposition"].endswith('.geojson"')
        features = answer.json()["features"]
        assert abs(len(features) - number) < 5
        assert {each["geometry"]["type"] for each in features} <= {"Polygon", "MultiPolygon"}
        assert sum(each["properties"]["suppliers"] for each in features) == 2


async def test_of_many_unknown_codes_the_first_have_a_suggestion(client: AsyncTestClient[Litestar]) -> None:
    """All are told, in little time."""
    segments = "territory=departement:35&segments=" + ",".join(["de-boi"] * 200)
    for query, count in (("&".join(["territory=commune:3523X"] * 100), 100), (segments, 200)):
        errors = (await client.get(f"/supply?{query}")).json()["errors"]
        assert len(errors) == count
        suggested = ["peut-être" in each["detail"] for each in errors[: MOST_SUGGESTIONS + 1]]
        assert suggested == [True] * MOST_SUGGESTIONS + [False]


async def test_territories_make_a_union_and_segments_are_listed(client: AsyncTestClient[Litestar]) -> None:
    """Separated by commas or given several times, in all as many as the taxonomy may have; a family like a segment."""
    asked = RENNES_AND_AROUND + "&territory=departement:69&segments=pr-locaux,ev&segments=de-bio"
    both = (await client.get(asked)).json()
    assert [item["segment"] for item in both["items"]] == ["pr-locaux", "ev", "de-bio"]
    assert both["territory"]["codes"] == ["departement:35", "departement:69"]
    assert both["totals"]["suppliers"] == 3
    one = "segments=" + ",".join(["de-bio"] * 150)
    assert (await client.get(f"{RENNES_AND_AROUND}&{one}")).status_code == 200
    refused = (await client.get(f"{RENNES_AND_AROUND}&{one}&{one}")).json()
    assert [each["code"] for each in refused["errors"]] == ["wrong_length"]


@pytest.mark.parametrize(
    ("query", "headers", "where"),
    [
        ("", {}, "/territory"),
        ("?territory=departement:35&territory=epci:1", {}, "/territory/1"),
        ("?territory=departement:35&segments=pr-locaux,de-boi", {}, "/segments/1"),
        ("?territory=departement:35&on=hier", {}, "/on"),
        ("?territory=departement:35&level=epci", {}, "/level"),
        ("?territory=country:FR&level=commune", {"accept": "application/geo+json"}, "/territory"),
    ],
)
async def test_what_cannot_be_answered_is_told(
    client: AsyncTestClient[Litestar], query: str, headers: dict[str, str], where: str
) -> None:
    refused = await client.get("/supply" + query, headers=headers)
    slug = {"/territory/1": "unknown-territory", "/segments/1": "unknown-segment"}.get(where, "invalid-query")
    assert_refused(refused, 422, slug)
    assert [error["pointer"] for error in refused.json()["errors"]] == [where]


async def test_the_same_question_is_answered_once_until_the_data_changes(
    client: AsyncTestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a client that has the answer is told so."""
    made: list[Any] = []
    supply = SupplySearch.supply

    def watched(*given: Any) -> Supply:
        made.append(threading.current_thread())
        return supply(*given)

    monkeypatch.setattr(SupplySearch, "supply", watched)
    first = await client.get(asked := RENNES_AND_AROUND + "&on=2026-11-25")
    again = await client.get(asked, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, len(made)) == (304, b"", 1)
    assert made[0] is not threading.main_thread()
    assert first.headers["cache-control"] == "public, max-age=60"
    services = client.app.state.services
    index = services.live.index.with_changes([supplier("nouveau", at=RENNES)], (), 2)
    monkeypatch.setattr(services, "live", SimpleNamespace(index=index, index_for=lambda _: index))
    changed = await client.get(asked, headers={"if-none-match": first.headers["etag"]})
    assert (changed.status_code, len(made)) == (200, 2)
    assert changed.json()["totals"]["suppliers"] == 3


class Slow:
    """Makes answers that wait until they may go on; counts those made, and those under way at once."""

    def __init__(self) -> None:
        self.go_on, self.made, self.under_way, self.most = threading.Event(), 0, 0, 0

    def __call__(self) -> bytes:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.go_on.wait(60)
        self.under_way, self.made = self.under_way - 1, self.made + 1
        return b"answer"


async def test_one_is_made_at_a_time_and_each_question_once() -> None:
    """Again where that failed."""
    answers, make = SupplyAnswers(Limits()), Slow()

    def fail() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        await answers.answer("a", "ours", fail)
    asked = [answers.answer(question, f"address {number}", make) for number, question in enumerate("aabb")]
    waiting = asyncio.gather(*asked)
    await asyncio.sleep(0)
    make.go_on.set()
    assert await waiting == [b"answer"] * 4
    assert (make.made, make.most) == (2, 1)


async def test_an_address_that_waits_for_many_is_refused_and_others_are_not() -> None:
    """What is cached is answered all the same."""
    answers, make = SupplyAnswers(Limits()), Slow()
    await answers.answer("known", "ours", lambda: b"known")
    waiting = [asyncio.ensure_future(answers.answer(number, "ours", make)) for number in range(MOST_OF_ONE_ADDRESS)]
    await asyncio.sleep(0)
    with pytest.raises(Refusal) as refused:
        await answers.answer("one more", "ours", make)
    assert refused.value.kind.status == 429
    assert await answers.answer("known", "ours", make) == b"known"
    waiting.append(asyncio.ensure_future(answers.answer("theirs", "another", make)))
    make.go_on.set()
    assert await asyncio.gather(*waiting) == [b"answer"] * (MOST_OF_ONE_ADDRESS + 1)


async def test_an_address_has_so_many_new_answers_in_a_minute() -> None:
    """What is cached does not count, and others have their own."""
    answers = SupplyAnswers(Limits())
    for number in range(SUPPLY_ANSWERS.most):
        await answers.answer(number, "ours", lambda: b"answer")
    with pytest.raises(Refusal) as refused:
        await answers.answer("one more", "ours", lambda: b"answer")
    assert (refused.value.kind.status, "retry-after" in refused.value.headers) == (429, True)
    assert await answers.answer(1, "ours", lambda: b"another") == b"answer"
    assert await answers.answer("one more", "another", lambda: b"answer") == b"answer"
