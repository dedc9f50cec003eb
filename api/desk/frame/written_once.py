"""Writing from a page: what a form asks for is done once, however often that copy of it is sent."""

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.desk.frame.csrf import SALT_BYTES, TOKEN_FIELD
from api.desk.frame.visit import Visit
from api.needs.shortlist_versions import MatchedNeed, ToMatch, match_first
from api.runtime.actor import Acting, acting_of
from api.runtime.idempotency import Sender, once
from db.core.engine import Connection, transaction
from db.idempotency import Answer, find_answer
from domain.errors import NotFound
from domain.text.bilingual import Text

SENT_FIELD = "envoi"
LONGEST_SENT = 100


class Done(NamedTuple):
    """The page that shows what was done; `document`: what that page may show this session again, without secrets."""

    path: str
    document: bytes = b""


def acting_at(visit: Visit) -> Acting:
    """The visitor as the caller of a use case. Links are derived from the token of the session, which is not stored."""
    return acting_of(visit.call, visit.token)


def id_in(text: str, unknown: Text) -> UUID:
    """The id in a part of a path or in a field. Raises NotFound, saying `unknown`, where it is none."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(unknown) from None


async def written_once(visit: Visit, carry_out: Callable[[Connection, Acting], Awaitable[Done]]) -> Response[bytes]:
    """Redirect (303) to the page that `carry_out` names; nothing else is written in its transaction.

    A form that is sent twice is carried out once; other words in it, typed after going back, are another one.
    """
    acting = acting_at(visit)

    async def answer() -> Answer:
        done = await carry_out(connection, acting)
        return Answer(303, {"location": visit.root + done.path.removeprefix("/")}, done.document)

    async def completed(stored: Answer) -> Answer:
        return msgspec.structs.replace(stored, body=b"")

    async with transaction(visit.services.database) as connection:
        sender = Sender(acting.organisation_id, route_of(visit.call.scope["path"]), sent_as(visit))
        return await once(visit.call, connection, b"", answer, sender=sender, completed=completed)


async def matched_once(
    visit: Visit,
    to_match: Callable[[Connection, Acting], Awaitable[ToMatch]],
    carry_out: Callable[[Connection, Acting, MatchedNeed | None], Awaitable[Done]],
) -> Response[bytes]:
    """Match the need that `to_match` reads while no connection is held, then answer as `written_once`.

    What was carried out before is not matched again; it is then None.
    """
    async with visit.services.matches.place_of(str(visit.organisation_id)):
        matched = None if await _is_written(visit) else await match_first(acting_at(visit), to_match)
        return await written_once(visit, lambda connection, acting: carry_out(connection, acting, matched))


async def _is_written(visit: Visit) -> bool:
    """Whether this copy of a form was carried out already, as it is filled in."""
    organisation, route = visit.organisation_id, route_of(visit.call.scope["path"])
    async with transaction(visit.services.database) as connection:
        return await find_answer(connection, organisation, route, sent_as(visit), visit.services.now()) is not None


def sent_as(visit: Visit) -> str:
    """The name of what is sent: of this copy of the form, as it is filled in."""
    filled_in = blake2b(msgspec.json.encode(visit.typed()), digest_size=16).hexdigest()
    return f"{visit.text(TOKEN_FIELD)[: 2 * SALT_BYTES]}-{filled_in}"


async def document_of(visit: Visit, connection: Connection, path: str) -> bytes | None:
    """The document of what was sent to a path, as the field `envoi` names it; None where it is no longer known."""
    name = visit.text(SENT_FIELD)
    if not 0 < len(name) <= LONGEST_SENT:
        return None
    organisation, now = visit.organisation_id, visit.services.now()
    answer = await find_answer(connection, organisation, route_of(path), name, now)
    return None if answer is None else answer.body


def route_of(path: str) -> str:
    """The route of a form, beside those of the API."""
    return f"form {path}"
