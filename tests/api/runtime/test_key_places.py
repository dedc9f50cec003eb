"""Places of each key: for requests that are answered at once, and for those that wait for a change."""

from uuid import UUID

import pytest

from api.app import create_app
from api.runtime.key_places import KeyPlaces, RequestPlaces
from api.settings import read_settings
from api.web.problems import Refusal
from domain.organisation import Client
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY
from tests.api.runtime.test_http_protocol import GET, POST, serving

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_each_key_has_its_own_places() -> None:
    """One that is given back can be taken again."""
    places = KeyPlaces(most=2, retry_after=5.0)
    with places.place(ONE):
        with places.place(ONE), places.place(OTHER), pytest.raises(Refusal) as refused, places.place(ONE):
            pass
        with places.place(ONE):
            pass
    assert refused.value.kind.slug == "too-many-requests"
    assert refused.value.headers["retry-after"] == "5"


def test_the_keys_of_an_organisation_share_its_places() -> None:
    """However many they are; a key that finds none keeps none."""
    places = RequestPlaces(2, 3, retry_after=5.0)
    one, other, another = (Client(UUID(int=n), UUID(int=1), "", ()) for n in range(3))
    elsewhere = Client(UUID(int=3), UUID(int=2), "", ())
    for each in (one, one, other, elsewhere):
        places.take(each)
    for each in (one, other, another):
        with pytest.raises(Refusal):
            places.take(each)
    places.give_back(one)
    places.take(other)
    with pytest.raises(Refusal):
        places.take(one)


async def test_one_key_has_few_requests_under_way(reference: Reference) -> None:
    """Those whose body is still arriving count; what needs no key is answered all the same."""
    settings = read_settings({"VIVIER_ADMIN_KEY": ADMIN_KEY, "VIVIER_KEY_REQUESTS": "1"})
    app, whole = create_app(settings, reference, parts=()), POST + b"Content-Length: 2\r\n\r\n{}"
    async with serving(app) as (edge, connect):
        sending, another, keyless = await connect(), await connect(), await connect()
        sending.writer.write(whole[:-1])
        await edge.has(3, received=len(whole) - 1)
        another.writer.write(whole)
        status, headers, _ = await another.answer()
        assert (status, headers["retry-after"]) == (429, "5")
        keyless.writer.write(GET)
        assert (await keyless.answer())[0] == 200
        sending.writer.write(whole[-1:])
        assert (await sending.answer())[0] == 422
        another.writer.write(whole)
        assert (await another.answer())[0] == 422
