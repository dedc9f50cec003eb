"""Links that open without a key, by a token; what leads nowhere is an attempt in vain."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from api.runtime.endpoint import Call
from api.runtime.rate_limits import caller_of, require_within
from api.web.problems import Refusal
from db.core.engine import Connection, transaction
from domain.text.bilingual import Text

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 bytes in base64, as all tokens are written: the database is not asked for anything else."""

T = TypeVar("T")


@asynccontextmanager
async def followed_link(
    call: Call, token: str, select: Callable[[Connection], Awaitable[T | None]], missing: Text
) -> AsyncIterator[tuple[Connection, T]]:
    """A transaction, and what the token of a link leads to, as `select` finds it.

    Raises Refusal: 404 with `missing` where it leads to nothing; 429 to a caller who tries many such, and where there
    are very many before they are looked up, without a connection.
    """
    limits, caller = call.services.reply_limits, caller_of(call.scope)
    if may_exist := TOKEN.fullmatch(token) is not None:
        require_within(await limits.looked_up.take(caller))
        is_unknown = False
        try:
            async with transaction(call.services.database) as connection:
                found = await select(connection)
                is_unknown = found is None
                if found is not None:
                    yield connection, found
                    return
        finally:
            if not is_unknown:
                await limits.looked_up.give_back(caller)
        await limits.looked_up.in_vain(caller)
    require_within(await limits.unknown.take(caller))
    if may_exist:
        await limits.unknown.in_vain(caller)
    raise Refusal("not-found", missing, headers={"cache-control": "no-store"})
