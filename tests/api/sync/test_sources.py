"""Sources: what is set on them, and what they have sent."""

import json
from typing import Any

import pytest

from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, key, lines, put, put_record, rows, send

SETTINGS: dict[str, Any] = {
    "label": "Carte des ressourceries",
    "url": "https://carte.example.org",
    "mapping": {"categories": {"10430": ["re-ressourcerie", "de"]}, "fields": {"text_17": "description"}},
}


async def test_settings_are_kept_and_replaced(served: Client, source: str) -> None:
    path = f"/sources/{source}"
    assert_refused(await served.get(path), 404, "not-found")
    created = await put(served, path, SETTINGS)
    assert created.status_code == 201
    assert created.json().items() >= {"name": source, **SETTINGS, "rank": 0, "records": 0}.items()
    read = await served.get(path)
    assert (read.json(), read.headers["etag"]) == (created.json(), created.headers["etag"])

    replaced = await put(served, path, {"label": "Carte"})
    assert (replaced.status_code, replaced.json()["url"]) == (200, None)
    assert (await served.get(path)).json() == replaced.json()


async def test_a_source_is_listed_with_what_it_sent(served: Client, source: str) -> None:
    """Writing to it is enough to be known."""
    await put_record(served, source)
    report = (await send(served, source, lines(rows(source, "a", "b")))).json()
    (found,) = [item for item in (await served.get("/sources")).json()["items"] if item["name"] == source]
    assert (found["records"], found["last_import_id"], found["label"]) == (3, report["id"], None)
    assert (found["without"]["email"], found["flags"]) == ({"records": 3, "share": 1.0}, {})
    assert (await served.get(f"/sources/{source}")).json()["mapping"] == {"categories": {}, "fields": {}}


async def test_suppliers_with_a_trade_are_counted(served: Client, source: str) -> None:
    """By kind and by what the surest trade rests on; staff lent is none, and an inactive supplier counts nowhere."""
    lent = {"segments": ["so-mad"], "presta_types": ["DISP"]}
    won = {"segments": ["ev-entretien"], "basis": "awarded", "evidence": [{"kind": "award", "label": "Tonte"}]}
    await put_record(served, source, "a", approvals=[{"kind": "ACI"}, {"kind": "EI"}])
    await put_record(served, source, "b", offers=[lent], approvals=[{"kind": "AI"}])
    await put_record(served, source, "c", offers=[lent, won], approvals=None)
    last = await put_record(served, source, "d", active=False)
    await served.services.directory.wait_beyond(last["data_version"] - 1, 60)

    expected = {
        "suppliers": 3,
        "with_trade": 2,
        "share": 0.6667,
        "by_kind": [
            {"kind": "EI", "suppliers": 1, "with_trade": 1},
            {"kind": "ACI", "suppliers": 1, "with_trade": 1},
            {"kind": "AI", "suppliers": 1, "with_trade": 0},
            {"kind": "none", "suppliers": 1, "with_trade": 1},
        ],
        "by_evidence": [{"evidence": "declared", "suppliers": 1}, {"evidence": "award", "suppliers": 1}],
    }
    (listed,) = [item for item in (await served.get("/sources")).json()["items"] if item["name"] == source]
    assert listed["trades"] == (await served.get(f"/sources/{source}")).json()["trades"] == expected
    assert 'vivier_suppliers_with_trade{kind="(all)",source="(all)"}' in (await served.get("/metrics")).text


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"url": "carte.example.org"}, "/url"),
        ({"url": "javascript:alert(1)"}, "/url"),
        ({"label": ""}, "/label"),
        ({"labels": "x"}, "/labels"),
        ({"mapping": {"categories": {"10430": ["re-ressource"]}}}, "/mapping/categories/10430/0"),
        ({"mapping": {"categories": {"a/b": ["pr", "x"]}}}, "/mapping/categories/a~1b/1"),
        ({"mapping": {"fields": {"text_17": "descriptions"}}}, "/mapping/fields/text_17"),
        ({"mapping": {"field": {}}}, "/mapping/field"),
    ],
)
async def test_settings_are_checked(served: Client, source: str, fields: dict[str, Any], pointer: str) -> None:
    answer = await put(served, f"/sources/{source}", SETTINGS | fields)
    assert_refused(answer, 422, "invalid-content")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await served.get(f"/sources/{source}")).status_code == 404


async def test_who_may_see_and_set(served: Client, source: str) -> None:
    mine, other = await key(served, "sync", sources=(source,)), await key(served, "sync", sources=("another",))
    path = f"/sources/{source}"
    assert_refused(await put(served, path, SETTINGS, **other), 403, "source-not-on-key")
    assert (await put(served, path, SETTINGS, **mine)).status_code == 201
    assert (await served.get(path, headers=other)).status_code == 200


async def test_of_many_unknown_codes_the_first_have_a_suggestion(served: Client, source: str) -> None:
    """To look for what may be meant takes long, and a mapping may have thousands."""
    mapping = {"categories": {str(number): ["re-ressourceri"] for number in range(20)}}
    answer = await served.put(f"/sources/{source}", json={"mapping": mapping})
    details = [error["detail"] for error in answer.json()["errors"]]
    assert ["perhaps" in detail or "peut-être" in detail for detail in details] == [True] * 10 + [False] * 10


async def test_categories_are_suggested_segments_until_they_are_mapped(served: Client, source: str) -> None:
    """The most frequent first; known by its id, its name, or as it is suggested. A kind of supplier is no trade."""
    green, paint, farms = ({"id": n, "name": name} for n, name in enumerate(("Espaces verts", "Peinture", "Esat"), 10))
    path, media = f"/sources/{source}/mapping-suggestions", "application/json"
    assert_refused(await served.get(path), 404, "not-found")
    elements = [
        {"id": str(n), "name": f"Un lieu {n}", "categoriesFull": some}
        for n, some in enumerate(([green, farms], [green], [paint, green], [paint]))
    ]
    carte = json.dumps({"data": elements}).encode()
    await send(served, source, carte, media, "format=gogocarto")
    found = (await served.get(path)).json()["items"]
    assert [(some["category"], some["rows"], [one["segment"] for one in some["segments"]][:1]) for some in found] == [
        ("10 Espaces verts", 3, ["ev-entretien"]),
        ("11 Peinture", 2, ["bt-peinture"]),
        ("12 Esat", 1, []),
    ]
    assert all(0 < each["confidence"] <= 1 and each["label"] for some in found for each in some["segments"])
    categories = {"10": ["ev-entretien"], "11 Peinture": ["bt-peinture"], "Esat": []}
    await put(served, f"/sources/{source}", {"mapping": {"categories": categories}})
    assert (await served.get(path)).json() == {"items": []}
    report = (await send(served, source, carte, media, "format=gogocarto")).json()
    assert report["changed"] == 4
    assert (await served.get(f"/sources/{source}")).json()["flags"] == {"no_place": 4}
