"""Pages lead to one another, and cursors nowhere else."""

import base64
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from litestar.testing import AsyncTestClient

from api.app import create_app
from api.settings import read_settings
from api.web.pagination import read_cursor, write_cursor
from api.web.problems import Refusal
from matching.reference import Reference


class Position(NamedTuple):
    """Where a page ended."""

    name: str
    number: int


@given(text=st.text(), number=st.integers(-(2**63), 2**63 - 1))
def test_a_cursor_gives_back_its_position(text: str, number: int) -> None:
    """Whatever the position holds, and in characters that need no escaping in a URL; none is the beginning."""
    cursor = write_cursor("suppliers", Position(text, number))
    assert read_cursor("suppliers", cursor, Position) == (text, number)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert read_cursor("suppliers", None, Position) is None


@given(st.text(max_size=40))
@example(write_cursor("needs", ("a", 1)))
@example(write_cursor("suppliers", ("a", "b")))
@example(write_cursor("suppliers", "a"))
@example(write_cursor("suppliers", ("a", 1))[:-1])
@example(write_cursor("suppliers", ("a", 1)) + "A")
@example(base64.urlsafe_b64encode(b'["a",1]').decode())
def test_what_this_list_did_not_give_is_refused(cursor: str) -> None:
    """Guessed, cut short or mistyped, another list's, or of another shape: 400, never a page of something else."""
    with pytest.raises(Refusal) as refused:
        read_cursor("suppliers", cursor, Position)
    assert refused.value.kind.slug == "bad-cursor"


async def test_following_the_links_meets_every_item_once(client: AsyncTestClient[Any]) -> None:
    """The Link header and `next_cursor` agree, keep the other parameters, and end with the last page."""
    address, met = "/territories?kind=departement&limit=30", []
    while address:
        answer = await client.get(address)
        met += [item["code"] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        link = answer.headers.get("link", "")
        address = link.removeprefix("<").partition(">")[0]
        if cursor:
            assert link.endswith('>; rel="next"')
            assert parse_qs(urlsplit(address).query) == {"kind": ["departement"], "limit": ["30"], "cursor": [cursor]}
        else:
            assert not link
    assert len(met) == len(set(met)) > 100
    assert met == sorted(met)


async def test_links_are_absolute_where_the_public_address_is_known(reference: Reference) -> None:
    """Behind a proxy that changes paths, only the operator knows what clients call."""
    settings = read_settings({"VIVIER_PUBLIC_URL": "https://vivier.example.org/api"})
    async with AsyncTestClient(create_app(settings, reference, parts=())) as client:
        link = (await client.get("/territories?kind=region&limit=1")).headers["link"]
    assert link.startswith("<https://vivier.example.org/api/territories?kind=region&limit=1&cursor=")


@pytest.mark.parametrize("query", ["kind=region", "q=redon"])
async def test_bad_cursor_in_a_request(query: str, client: AsyncTestClient[Any]) -> None:
    """400 `bad-cursor`, also where the list has only one page; so is one of another list."""
    another = (await client.get("/territories?kind=departement&limit=1")).json()["next_cursor"]
    for cursor in ("", "x", "%20", "%00", "%FF", "MTIz%00", "a" * 5_000, another):
        answer = await client.get(f"/territories?{query}&cursor={cursor}")
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-cursor")
        assert answer.json()["errors"][0]["pointer"] == "/cursor"
