"""Reply links: who holds the token of one may read and answer one thread, as one recipient. Only hashes are kept."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import insert

from db.connect import Connection
from db.exchange_tables import reply_links

TOKEN_BYTES = 32


class NewLink(NamedTuple):
    """A link just made; its token is known nowhere else."""

    supplier_id: UUID
    token: str
    expires_at: datetime


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def create_links(
    connection: Connection, exchange_id: UUID, supplier_ids: Iterable[UUID], now: datetime, expires_at: datetime
) -> tuple[NewLink, ...]:
    """A link for each of these recipients of the thread, beside those it may have."""
    links = tuple(NewLink(each, secrets.token_urlsafe(TOKEN_BYTES), expires_at) for each in supplier_ids)
    if links:
        common = {"exchange_id": exchange_id, "created_at": now, "expires_at": expires_at}
        rows = [{"digest": digest(link.token), "supplier_id": link.supplier_id, **common} for link in links]
        await connection.execute(insert(reply_links), rows)
    return links
