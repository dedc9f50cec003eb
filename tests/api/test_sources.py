"""Sources: what is set on them, and what they have sent."""

from typing import Any

import pytest

from tests.api.factories import Client, key, lines, put, put_record, rows, send
from tests.api.refusals import assert_refused

SETTINGS: dict[str, Any] = {
    "label": "Carte des ressourceries",
    "url": "https://carte.example.org",
    "mapping": {"categories": {"10430": ["re-ressourcerie", "de"]}, "fields": {"text_17": "description"}},
}


async def test_settings_are_kept_and_replaced(served: Client, source: str) -> None:
    path = f"/sources/{source}"
    assert_refused(await served.get(path), 404, "not-found")
    created = await put(served, path, SETTINGS)
    assert (created.status_code, created.json()) == (201, {"name": source, **SETTINGS, "rank": 0})
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
    assert (await served.get(f"/sources/{source}")).json()["mapping"] == {"categories": {}, "fields": {}}


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
    reader, buyer = await key(served, "read"), await key(served, "match", "needs")
    path = f"/sources/{source}"

    assert_refused(await put(served, path, SETTINGS, **other), 403, "source-not-on-key")
    assert_refused(await put(served, path, SETTINGS, **reader), 403, "missing-scope")
    assert (await put(served, path, SETTINGS, **mine)).status_code == 201
    for headers in (mine, other, reader):
        assert (await served.get(path, headers=headers)).status_code == 200
        assert (await served.get("/sources", headers=headers)).status_code == 200
    assert_refused(await served.get("/sources", headers=buyer), 403, "missing-scope")
