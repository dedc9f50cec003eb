"""What operators see of declarations, and how they undo many at once: by sender, by organisation, with their links."""

from typing import Any

import pytest

from tests.api.exchanges.steps import create_exchange, keyless
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client, put_record

SAYS: dict[str, Any] = {"offers": [{"segments": ["ev-entretien"]}]}
HOST = "http://testserver.local"


async def declared_by_link_of(member: Member, client: Client, source: str, number: str) -> tuple[str, str]:
    """A supplier that declared by a link of a member's organisation: its id, and the path of its page."""
    supplier = (await put_record(client, source, number, offers=[], name=f"Atelier {number}"))["supplier_id"]
    link = (await member.post(f"/suppliers/{supplier}/links", {})).json()
    path = link["url"].removeprefix(HOST)
    assert (await keyless(client, "PUT", path, json=SAYS)).status_code == 200
    return supplier, path


async def says(client: Client, supplier: str) -> bool:
    return any(
        each["declared_by"] == "supplier" for each in (await client.get(f"/suppliers/{supplier}")).json()["offers"]
    )


async def test_what_came_in_the_same_way_is_withdrawn_with_it(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = await member(served, "needs", "admin"), await member(served, "needs", "admin")
    theirs, _ = await declared_by_link_of(other, served, source, "theirs")
    made = [await declared_by_link_of(owner, served, source, number) for number in "123"]
    for number in "45":  # each with the mark of another network address
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(served.services, "embed_key", number.encode())
            made.append(await declared_by_link_of(owner, served, source, number))
    listed = {each["supplier_id"]: each for each in (await owner.get("/sources/declarations")).json()["items"]}
    assert theirs not in listed, "another organisation's"
    marks = [listed[supplier]["sent_from"] for supplier, _ in made]
    assert (len({*marks[:3]}), len({*marks}), None in marks) == (1, 3, False)
    left = [True] * len(made)
    for first, also, withdrawn in ((0, {}, 1), (1, {"same_sender": True}, 2), (3, {"same_organisation": True}, 2)):
        asked = {"reason": "Fausse déclaration", "revoke_links": True} | also
        answer = await owner.post(f"/suppliers/{made[first][0]}/declaration/withdrawal", asked)
        assert (answer.status_code, answer.json()["withdrawn"]) == (200, withdrawn)
        left[first : first + withdrawn] = [False] * withdrawn
        assert [await says(served, supplier) for supplier, _ in made] == left
        assert [(await keyless(served, "GET", path)).status_code == 200 for _, path in made] == left
    # never what came by links of another organisation
    assert await says(served, theirs)


async def test_the_platform_revokes_the_reply_link_of_another_organisation(served: Client, source: str) -> None:
    exchange = await create_exchange(served, source, 1)
    said = await keyless(served, "POST", exchange.links[0], json={"body": "Oui", "declaration": SAYS})
    assert said.status_code == 201, said.text
    operator = await member(served, "platform")
    shown = (await operator.get("/sources/declarations?limit=200")).json()["items"]
    (listed,) = (each for each in shown if each["supplier_id"] == exchange.suppliers[0])
    assert (listed["link_id"], listed["exchange_id"]) == (None, exchange.answer["id"])
    asked = {"reason": "Ce n'est pas vous", "revoke_links": True}
    answer = await operator.post(f"/suppliers/{exchange.suppliers[0]}/declaration/withdrawal", asked)
    assert answer.status_code == 200, answer.text
    assert (await keyless(served, "GET", exchange.links[0])).status_code == 404
    entries = (await served.get(f"/audit?object=exchange:{exchange.answer['id']}")).json()["items"]
    assert "reply_link.revoked" in {each["action"] for each in entries}
