"""Keys open what their scopes say, and nothing else; a link signs in once, and not for long."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.app import create_app
from api.runtime.auth import LINK_SECONDS, Keys, OneTimeLinks, require_source
from api.runtime.endpoint import Call, endpoint
from api.runtime.rate_limits import UNKNOWN_KEYS, Limits
from api.settings import Settings
from api.web.openapi import routes_of
from api.web.problems import Refusal
from db.core.engine import engine, transaction
from domain.organisation import SCOPES, Client, Scope
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY

ORGANISATION = UUID("00000000-0000-7000-8000-00000000000a")
CACHE_SECONDS = 5.0


def bearer(*scopes: Scope, sources: tuple[str, ...] = ()) -> Client:
    return Client(UUID(int=1), ORGANISATION, "Département", scopes, sources)


class Who(msgspec.Struct):
    """The caller."""

    organisation: str


@endpoint("GET", "/matching", tag="Test", scope="match", answers=Who)
async def matching(call: Call) -> Who:
    """Needs one scope."""
    return Who(call.bearer.organisation)


@endpoint("GET", "/either", tag="Test", scope=("read", "sync"), answers=Who)
async def either(call: Call) -> Who:
    """Needs one of two scopes."""
    return Who(call.bearer.organisation)


@endpoint("GET", "/open", tag="Test", scope=None, answers=Who)
async def unguarded(_: Call) -> Who:
    """Needs no key."""
    return Who("anyone")


KNOWN = {"m": bearer("match"), "r": bearer("read"), "s": bearer("sync"), "a": bearer("admin")}


@pytest.fixture(scope="module")
async def doors(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Any]]:
    """A client of guarded routes; the keys that are in force have one letter."""

    async def find(key: str) -> Client | None:
        return KNOWN.get(key)

    async def organisation() -> UUID:
        return ORGANISATION

    app = create_app(settings, reference, routes=(matching, either, unguarded), parts=())
    app.state.services.keys.attach(find, organisation)
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "authorization", "status"),
    [
        *(("/matching", key, 200) for key in ("Bearer m", "bearer m", "Bearer   m ", f"Bearer {ADMIN_KEY}")),
        *(("/matching", key, 401) for key in (None, "", "Bearer", "Bearer ", "m", "Basic bTo=", "Bearer unknown")),
        *(("/matching", key, 401) for key in ("Bearer m m", "Bearer M", "Bearer \xe9", "Bearer " + "m" * 10_000)),
        *(("/matching", key, 403) for key in ("Bearer r", "Bearer a")),
        *(("/either", f"Bearer {key}", status) for key, status in (("r", 200), ("s", 200), ("m", 403))),
        *(("/open", key, 200) for key in (None, "Bearer unknown")),
    ],
)
async def test_doors(path: str, authorization: str | None, status: int, doors: AsyncTestClient[Any]) -> None:
    """401 without a key in force, 403 with one that lacks the scope; open routes do not look."""
    headers = [] if authorization is None else [(b"Authorization", authorization.encode("latin-1"))]
    answer = await doors.get(path, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["type"] == "/problems/no-valid-key"
    if status == 403:
        assert answer.json()["type"] == "/problems/missing-scope"


async def test_who_holds_no_key_learns_the_methods_and_no_more(doors: AsyncTestClient[Any]) -> None:
    """Nothing about what else is wrong with the request."""
    assert (await doors.get("/matching?nonsense=1", headers={"Accept": "text/csv"})).status_code == 401
    answer = await doors.options("/matching")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


def test_no_handler_goes_round_the_door(app: Litestar) -> None:
    """`endpoint`, which checks keys, makes every handler, or `page`, which checks sessions, but those of OPTIONS."""
    handlers = [handler for route in app.routes for handler in getattr(route, "route_handlers", ())]
    assert all({"route", "page"} & handler.opt.keys() or handler.http_methods == {"OPTIONS"} for handler in handlers)
    assert len(handlers) > 20


def test_open_routes_are_those_the_contract_names(app: Litestar) -> None:
    """Reference data, rules, documentation, health and metrics, what a token in the address is the key to, and the page
    where a supplier asks for such an address; the search that portals embed, with its own address.

    A new route is closed unless it is listed here.
    """
    keyless = {route.path for route in routes_of(app) if not route.scopes}
    by_token = {path for path in keyless if "{token}" in path}
    assert by_token == {"/replies/{token}", "/fiche/{token}", "/meetings/feed/{token}.ics", "/courriels/{token}"}
    beginnings = {path.split("/")[1] for path in keyless - by_token}
    reference_data = {"segments", "territories", "rules", "schemas", "supply"}
    assert (
        beginnings == {"", "fiche", "embed", "docs", "openapi.json", "problems", "health", "metrics"} | reference_data
    )


def test_sources_on_the_key() -> None:
    """A key writes the sources it names, an organisation's administrator too; the operator's every one."""
    of_two = bearer("sync", sources=("a", "b"))
    for client, allowed in ((of_two, "b"), (bearer("platform"), "a")):
        require_source(client, allowed)
    for client, refused in ((of_two, "c"), (bearer("sync"), "a"), (bearer("sync", "admin"), "a")):
        with pytest.raises(Refusal) as failure:
            require_source(client, refused)
        assert failure.value.kind.slug == "source-not-on-key"


class Registry:
    """Stands for the database: counts look-ups, can be away or slow, and can revoke."""

    def __init__(self) -> None:
        self.keys: dict[str, Client] = {"k": bearer("match")}
        self.asked = 0
        self.failure: BaseException | None = None
        self.now = 0.0
        self.today = datetime(2026, 11, 24, tzinfo=UTC)
        self.answers = asyncio.Event()
        self.answers.set()

    async def find(self, key: str) -> Client | None:
        self.asked += 1
        await self.answers.wait()
        if self.failure:
            raise self.failure
        return self.keys.get(key)

    async def organisation(self) -> UUID:
        if self.failure:
            raise self.failure
        return ORGANISATION

    def clock(self) -> float:
        return self.now


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def keys(registry: Registry) -> Keys:
    """Keys that are looked up in the registry, on its clock."""
    keys = Keys(ADMIN_KEY, CACHE_SECONDS, Limits(registry.clock), registry.clock, lambda: registry.today)
    keys.attach(registry.find, registry.organisation)
    return keys


async def away() -> BaseException:
    """What a database that is not there makes the driver raise."""
    nowhere = engine("postgresql://localhost:1/nothing", pool_size=0)
    with pytest.raises(OSError) as refused:  # noqa: PT011 - whichever of its kinds the platform has
        async with transaction(nowhere):
            pass
    await nowhere.dispose()
    return refused.value


async def test_a_key_is_remembered_for_a_while(keys: Keys, registry: Registry) -> None:
    """Within the time set, no second look-up; after it, a revocation is noticed. One works as soon as it is made."""
    assert await keys.client("k") == await keys.client("k") == bearer("match")
    assert registry.asked == 1
    del registry.keys["k"]
    registry.now += CACHE_SECONDS - 0.1
    assert await keys.client("k") is not None
    registry.now += 0.2
    assert await keys.client("k") is None
    registry.keys["k"] = bearer("read")
    assert await keys.client("k") == bearer("read")


async def test_known_keys_outlive_the_database(keys: Keys, registry: Registry) -> None:
    """While it is away, keys already seen go on working and new ones cannot be judged; then all is as before.

    Only an absent database excuses believing an old answer: no fault of ours does.
    """
    await keys.client("k")
    registry.failure = await away()
    for _ in range(3):
        registry.now += 10 * CACHE_SECONDS
        assert await keys.client("k") == bearer("match")
    with pytest.raises(OSError):  # noqa: PT011
        await keys.client("new")
    registry.failure = ZeroDivisionError()
    registry.now += 10 * CACHE_SECONDS
    with pytest.raises(ZeroDivisionError):
        await keys.client("k")
    registry.failure = None
    del registry.keys["k"]
    registry.now += 10 * CACHE_SECONDS
    assert await keys.client("k") is None


async def test_one_request_asks_for_all(keys: Keys, registry: Registry) -> None:
    """None of many that bring a new key, as when a server starts under load, is taken for a guess.

    When a key's time is over, those who come while one asks the database go on with what was known.
    """
    registry.answers.clear()
    asking = [asyncio.create_task(keys.client("k")) for _ in range(3 * UNKNOWN_KEYS.most)]
    await asyncio.sleep(0)
    registry.answers.set()
    assert await asyncio.gather(*asking) == [bearer("match")] * len(asking)
    assert registry.asked == 1
    registry.now += 2 * CACHE_SECONDS
    registry.answers.clear()
    again = asyncio.create_task(keys.client("k"))
    await asyncio.sleep(0)
    assert await keys.client("k") == bearer("match")
    registry.answers.set()
    assert await again == bearer("match")
    assert registry.asked == 2


async def test_an_expired_key_is_out_of_force_at_once(keys: Keys, registry: Registry) -> None:
    """Also while it is remembered, and while the database is away."""
    end = registry.today + timedelta(hours=1)
    registry.keys["k"] = msgspec.structs.replace(bearer("match"), expires_at=end)
    assert await keys.client("k") is not None
    registry.today = end
    assert await keys.client("k") is None
    registry.failure = await away()
    registry.now += 2 * CACHE_SECONDS
    assert await keys.client("k") is None


async def test_what_is_no_key_is_not_looked_up(registry: Registry) -> None:
    """Noise costs no query, however much of it comes, and stands in nobody's way."""
    keys = Keys(ADMIN_KEY, CACHE_SECONDS, Limits(registry.clock), registry.clock)
    keys.attach(registry.find, registry.organisation, lambda key: key == "k")
    for each in range(3 * UNKNOWN_KEYS.most):
        assert await keys.client(f"noise {each}") is None
    assert registry.asked == 0
    assert await keys.client("k") is not None


async def test_an_address_that_guesses_is_not_looked_up_for(keys: Keys, registry: Registry) -> None:
    """Keys already seen go on, and so do other addresses; a minute later all is forgiven."""
    guesser, other = {"client": ("192.0.2.1", 1)}, {"client": ("192.0.2.2", 1)}
    await keys.client("k", guesser)  # type: ignore[arg-type]
    for each in range(UNKNOWN_KEYS.most):
        assert await keys.client(f"guess {each}", guesser) is None  # type: ignore[arg-type]
    asked = registry.asked
    with pytest.raises(Refusal) as refused:
        await keys.client("one more", guesser)  # type: ignore[arg-type]
    assert refused.value.kind.slug == "too-many-requests"
    assert int(refused.value.headers["retry-after"]) >= 1
    assert await keys.client("k", guesser) is not None  # type: ignore[arg-type]
    assert registry.asked == asked
    assert await keys.client("one more", other) is None  # type: ignore[arg-type]
    registry.now += 60
    assert await keys.client("one more", guesser) is None  # type: ignore[arg-type]


async def test_guesses_at_once_are_not_all_looked_up(keys: Keys, registry: Registry) -> None:
    """While they wait for the database, too; those that turn out to be keys do not count."""
    registry.answers.clear()
    asking = [asyncio.create_task(keys.client(f"guess {each}")) for each in range(3 * UNKNOWN_KEYS.most)]
    await asyncio.sleep(0)
    assert registry.asked == UNKNOWN_KEYS.most
    registry.answers.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert sum(isinstance(each, Refusal) for each in answers) == 2 * UNKNOWN_KEYS.most
    registry.now += 60
    registry.keys |= {f"key {each}": bearer("match") for each in range(2 * UNKNOWN_KEYS.most)}
    for key in registry.keys:
        assert await keys.client(key) is not None


async def test_the_administrator_has_every_scope(keys: Keys, registry: Registry) -> None:
    """Also while the database is away; the id of its organisation is learnt when it can be. None set opens nothing."""
    registry.failure = await away()
    first = await keys.client(ADMIN_KEY)
    registry.failure = None
    registry.now += 2 * CACHE_SECONDS
    second = await keys.client(ADMIN_KEY)
    assert first is not None
    assert second is not None
    assert (first.scopes, first.organisation, second.organisation_id) == (SCOPES, "default", ORGANISATION)
    assert registry.asked == 0
    none = Keys(None, CACHE_SECONDS, Limits(registry.clock), registry.clock)
    none.attach(registry.find, registry.organisation)
    assert await none.client("") is None


def test_a_link_opens_once_and_not_when_it_is_too_old() -> None:
    now = [0.0]
    links = OneTimeLinks(lambda: now[0])
    token, old = links.issue("key"), links.issue("key")
    assert [links.redeem(token), links.redeem(token), links.redeem("other")] == ["key", None, None]
    now[0] = LINK_SECONDS
    assert links.redeem(old) is None
