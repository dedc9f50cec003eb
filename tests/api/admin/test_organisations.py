"""Organisations over HTTP: the operator makes them, each sees and changes its own."""

from dataclasses import replace
from uuid import uuid4

import pytest

from tests.api.organisations import Member, member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, misprinted, siret


@pytest.fixture
async def operator(served: Client) -> Member:
    return await member(served, "platform")


def new_name() -> str:
    return f"Département {uuid4().hex}"


async def test_the_operator_makes_one_and_reads_it_again(operator: Member) -> None:
    number, name = siret(uuid4().hex), new_name()
    made = await operator.post("/organisations", {"name": name, "siret": number})
    assert made.status_code == 201, made.text
    organisation = made.json()
    assert (organisation["name"], organisation["siret"]) == (name, number)
    assert made.headers["location"] == f"/organisations/{organisation['id']}"
    read = await operator.get(made.headers["location"])
    assert (read.json(), read.headers["etag"]) == (organisation, made.headers["etag"])
    again = await operator.get(made.headers["location"], **{"If-None-Match": made.headers["etag"]})
    assert again.status_code == 304
    (entry,) = await own_journal(operator, organisation["id"])
    assert (entry["action"], entry["actor_id"]) == ("organisation.created", str(operator.key.id))


async def own_journal(operator: Member, organisation_id: str) -> list[dict[str, object]]:
    """What the journal of the organisation says of it, read with a key of its own."""
    body = {"name": "first", "organisation": organisation_id, "scopes": ["platform"]}
    headers = {"Authorization": f"Bearer {(await operator.post('/keys', body)).json()['secret']}"}
    answer = await operator.client.get(f"/audit?object=organisation:{organisation_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_names_and_sirets_are_taken_once(operator: Member) -> None:
    number, name = siret(uuid4().hex), new_name()
    await operator.post("/organisations", {"name": name, "siret": number})
    assert_refused(await operator.post("/organisations", {"name": name}), 409, "conflict")
    assert_refused(await operator.post("/organisations", {"name": new_name(), "siret": number}), 409, "conflict")
    other = (await operator.post("/organisations", {"name": new_name()})).json()
    assert_refused(await operator.patch(f"/organisations/{other['id']}", {"siret": number}), 409, "conflict")
    assert_refused(await operator.patch(f"/organisations/{other['id']}", {"name": name}), 409, "conflict")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "x", "siret": misprinted(siret("a"))}, "/siret"),
        ({"name": "x", "siret": "123"}, "/siret"),
        ({"name": ""}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": str(uuid4())}, "/name"),
        ({}, "/name"),
        ({"name": "x", "id": str(uuid4())}, "/id"),
    ],
)
async def test_what_is_no_organisation_is_refused(operator: Member, body: dict[str, str], pointer: str) -> None:
    answer = await operator.post("/organisations", body)
    assert_refused(answer, 422, "invalid-content")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_an_administrator_sees_and_renames_its_own_alone(served: Client, operator: Member) -> None:
    own, other = await member(served, "admin"), await member(served, "admin")
    path, theirs = f"/organisations/{own.organisation_id}", f"/organisations/{other.organisation_id}"
    assert [each["id"] for each in (await own.get("/organisations")).json()["items"]] == [str(own.organisation_id)]
    for answer in (
        await own.get(theirs),
        await own.patch(theirs, {"name": new_name()}),
        await own.get(f"/organisations/{uuid4()}"),
    ):
        assert_refused(answer, 404, "not-found")
    assert_refused(await own.post("/organisations", {"name": new_name()}), 403, "missing-scope")
    assert_refused(await own.patch(path, {"siret": siret(uuid4().hex)}), 403, "missing-scope")
    name, number = new_name(), siret(uuid4().hex)
    assert (await own.patch(path, {"name": name})).json()["name"] == name
    assert (await operator.patch(path, {"siret": number})).json()["siret"] == number
    assert (await own.patch(path, {"name": name, "siret": number})).status_code == 200
    assert_refused(await (await member(served, "needs", "read")).get(path), 403, "missing-scope")


async def test_a_stale_match_changes_nothing(served: Client, operator: Member) -> None:
    own = await member(served, "admin")
    path = f"/organisations/{own.organisation_id}"
    etag = (await own.get(path)).headers["etag"]
    headers = own.headers | {"If-Match": etag, "Content-Type": "application/merge-patch+json"}
    changed, stale = [await operator.client.patch(path, json={"name": new_name()}, headers=headers) for _ in range(2)]
    assert changed.status_code == 200
    assert_refused(stale, 412, "stale-version")
    assert (await own.get(path)).headers["etag"] == changed.headers["etag"]


async def test_lists_go_on_where_they_stopped(operator: Member) -> None:
    for _ in range(2):
        await operator.post("/organisations", {"name": new_name()})
    first = await operator.get("/organisations?limit=1")
    assert first.headers["link"].endswith('rel="next"')
    rest = await operator.get(f"/organisations?limit=200&cursor={first.json()['next_cursor']}")
    ids = [each["id"] for each in (*first.json()["items"], *rest.json()["items"])]
    assert (ids, len(ids) > 1) == (sorted(set(ids)), True)


async def test_a_name_that_leads_people_is_neither_given_up_nor_taken(
    served: Client, operator: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an administrator would have the people of another organisation sign in to its own, or lose its own."""
    own, other = await member(served, "admin"), await member(served, "admin")
    settings = served.services.settings
    leading = (
        ("@a.example", own.key.organisation),
        ("@b.example", "Vannes"),
        ("@c.example", str(other.organisation_id)),
    )
    monkeypatch.setattr(served.services, "settings", replace(settings, oidc_members=leading))
    for who, organisation, name in (
        (own, own, new_name()),
        (operator, own, new_name()),
        (other, other, "Vannes"),
        (operator, other, "default"),
    ):
        answer = await who.patch(f"/organisations/{organisation.organisation_id}", {"name": name})
        assert_refused(answer, 409, "conflict")
    assert (await other.patch(f"/organisations/{other.organisation_id}", {"name": new_name()})).status_code == 200
    assert (await operator.patch(f"/organisations/{own.organisation_id}", {"siret": siret("own")})).status_code == 200


async def test_the_administrators_organisation_keeps_its_name(served: Client) -> None:
    """Else VIVIER_ADMIN_KEY would find another one, that has nothing."""
    listed = (await served.get("/organisations?limit=200")).json()["items"]
    own = next(each for each in listed if each["name"] == "default")
    answer = await served.patch(
        f"/organisations/{own['id']}",
        json={"name": new_name()},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert_refused(answer, 409, "conflict")
