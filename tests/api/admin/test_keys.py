"""Keys over HTTP: made within what their maker may do, shown once, listed, revoked."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from db.core.engine import transaction
from tests.api.organisations import Member, member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client

BODY = {"name": "Portail", "scopes": ["read"]}


@pytest.fixture
async def manager(served: Client) -> Member:
    return await member(served, "admin", "read", "needs", sources=("annuaire",))


async def listed(of: Member) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await of.get("/keys?limit=200")).json()["items"]
    return items


async def test_the_life_of_a_key(manager: Member) -> None:
    """Made and shown once, used, listed without its secret, journaled, revoked, refused."""
    end = (manager.client.services.now() + timedelta(days=30)).isoformat()
    asked = BODY | {"expires_at": end, "rate_per_minute": 600}
    made = await manager.post("/keys", asked)
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    key, secret = made.json(), made.json()["secret"]
    assert secret.startswith(key["prefix"])
    assert (key["organisation"], key["rate_per_minute"]) == (manager.key.organisation, 600)
    headers = {"Authorization": f"Bearer {secret}"}
    answer = await manager.client.get("/suppliers?limit=1", headers=headers)
    assert (answer.status_code, answer.headers["ratelimit-policy"]) == (200, '"minute";q=600;w=60')
    assert secret not in (await manager.get("/keys")).text
    assert [each["id"] for each in await listed(manager)] == [str(manager.key.id), key["id"]]
    assert (await manager.delete(f"/keys/{key['id']}")).status_code == 204
    assert_refused(await manager.delete(f"/keys/{key['id']}"), 404, "not-found")
    assert (await listed(manager))[1]["revoked_at"] is not None
    entries = (await manager.get(f"/audit?object=key:{key['id']}")).json()["items"]
    assert [(each["action"], each["actor_id"]) for each in entries] == [
        ("key.created", str(manager.key.id)),
        ("key.revoked", str(manager.key.id)),
    ]
    assert entries[0]["detail"]["rate_per_minute"] == 600


async def test_the_secret_is_shown_again_to_who_asked_and_is_nowhere_stored(served: Client, manager: Member) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first, second = [await manager.post("/keys", BODY, **headers) for _ in range(2)]
    assert first.status_code == 201
    assert first.json() == second.json()
    secret = first.json()["secret"]
    assert (await served.get("/suppliers?limit=1", headers={"Authorization": f"Bearer {secret}"})).status_code == 200
    async with transaction(served.services.database) as connection:
        stored = (await connection.execute(text("SELECT convert_from(body, 'UTF8') FROM idempotency_keys"))).scalars()
        assert not any(secret in (each or "") for each in stored)
    colleague = await member(served, "admin", "read", organisation=manager.key.organisation)
    assert_refused(await colleague.post("/keys", BODY, **headers), 409, "conflict")
    assert len([each for each in await listed(manager) if each["name"] == "Portail"]) == 1


async def test_a_key_gives_what_it_has_and_no_more(manager: Member) -> None:
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"scopes": ["read", "match"]}, "missing-scope"),
        ({"scopes": ["platform"]}, "missing-scope"),
        ({"scopes": ["admin"], "sources": ["annuaire", "autre"]}, "source-not-on-key"),
    )
    for asked, slug in refused:
        assert_refused(await manager.post("/keys", BODY | asked), 403, slug)
    allowed = {"scopes": ["admin", "needs"], "sources": ["annuaire"]}
    assert (await manager.post("/keys", BODY | allowed)).status_code == 201


async def test_a_key_makes_none_that_outlives_or_outruns_it(served: Client) -> None:
    now = served.services.now()
    maker = await member(served, "admin", expires_at=now + timedelta(days=9), rate_per_minute=100)
    later, sooner = [(now + timedelta(days=days)).isoformat() for days in (10, 8)]
    body = {"name": "n", "scopes": ["admin"]}
    for asked, pointers in (
        ({}, ["/expires_at", "/rate_per_minute"]),
        ({"expires_at": later, "rate_per_minute": 100}, ["/expires_at"]),
        ({"expires_at": sooner, "rate_per_minute": 101}, ["/rate_per_minute"]),
    ):
        answer = await maker.post("/keys", body | asked)
        assert_refused(answer, 422, "invalid-content")
        assert [each["pointer"] for each in answer.json()["errors"]] == pointers
    assert (await maker.post("/keys", body | {"expires_at": sooner, "rate_per_minute": 100})).status_code == 201


async def test_no_number_of_keys_makes_a_quota_greater(served: Client) -> None:
    """Whoever makes them, and whether the first is still in force: those made with a quota count in it together."""
    maker = await member(served, "admin", "read", rate_per_minute=10)
    body = {"name": "n", "scopes": ["admin", "read"], "rate_per_minute": 10}
    child = (await maker.post("/keys", body)).json()
    child_headers = {"Authorization": f"Bearer {child['secret']}"}
    grandchild = (await served.post("/keys", json=body, headers=child_headers)).json()
    assert child["quota_of"] == grandchild["quota_of"] == str(maker.key.id)
    assert (await maker.delete(f"/keys/{maker.key.id}")).status_code == 204
    grandchild_headers = {"Authorization": f"Bearer {grandchild['secret']}"}
    answers = [
        await served.get("/suppliers?limit=1", headers=headers)
        for headers in (child_headers, grandchild_headers)
        for _ in range(5)
    ]
    assert [each.status_code for each in answers] == [200] * 5 + [200, 200, 429, 429, 429]
    told = answers[-1].headers
    assert told["ratelimit-policy"] == '"minute";q=10;w=60, "shared";q=10;w=60'
    assert told["ratelimit"] == '"minute";r=5;t=60, "shared";r=0;t=60'


async def test_keys_of_who_has_no_quota_and_of_the_operator_count_by_themselves(served: Client) -> None:
    body = {"name": "n", "scopes": ["read"], "rate_per_minute": 10}
    for maker in (await member(served, "admin", "read"), await member(served, "platform", "read", rate_per_minute=9)):
        assert (await maker.post("/keys", body)).json()["quota_of"] is None


async def test_the_operator_makes_and_revokes_those_of_all(served: Client, manager: Member) -> None:
    operator = await member(served, "platform", "read")
    for organisation in (manager.key.organisation, str(manager.organisation_id)):
        made = (await operator.post("/keys", BODY | {"organisation": organisation})).json()
        assert made["organisation_id"] == str(manager.organisation_id)
        assert made["id"] in {each["id"] for each in await listed(manager)}
        assert (await operator.delete(f"/keys/{made['id']}")).status_code == 204
    assert (await operator.post("/keys", {"name": "n", "scopes": ["admin"], "sources": ["any"]})).status_code == 201
    assert_refused(await operator.post("/keys", {"name": "n", "scopes": ["needs"]}), 403, "missing-scope")
    # only the operator revokes its own
    another = await member(served, "platform", organisation=manager.key.organisation)
    assert_refused(await manager.delete(f"/keys/{another.key.id}"), 404, "not-found")
    assert (await another.delete(f"/keys/{another.key.id}")).status_code == 204


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["all"]}, "/scopes/0"),
        ({"scopes": ["read"], "sources": ["annuaire"]}, "/sources"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2120-01-01T00:00:00"}, "/expires_at"),
        ({"rate_per_minute": 0}, "/rate_per_minute"),
        ({"rate_per_minute": "60"}, "/rate_per_minute"),
        ({"name": ""}, "/name"),
        ({"secret": "mine"}, "/secret"),
    ],
)
async def test_what_is_no_key_is_refused(manager: Member, asked: dict[str, Any], pointer: str) -> None:
    answer = await manager.post("/keys", BODY | asked)
    assert_refused(answer, 422, "invalid-content")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_no_source_stands_for_all(served: Client) -> None:
    answer = await (await member(served, "platform", "sync")).post(
        "/keys", {"name": "n", "scopes": ["sync"], "sources": ["annuaire", "*"]}
    )
    assert_refused(answer, 422, "invalid-content")
    assert answer.json()["errors"][0]["pointer"] == "/sources/1"


async def test_a_key_that_writes_names_its_sources(served: Client) -> None:
    """A key that could write nothing is a slip."""
    maker = await member(served, "sync", "admin", sources=("annuaire",))
    assert_refused(await maker.post("/keys", {"name": "n", "scopes": ["sync"]}), 422, "invalid-content")
    body = {"name": "n", "scopes": ["sync"], "sources": ["annuaire"]}
    assert (await maker.post("/keys", body)).json()["sources"] == ["annuaire"]
    assert_refused(await (await member(served, "sync", sources=("a",))).get("/keys"), 403, "missing-scope")
