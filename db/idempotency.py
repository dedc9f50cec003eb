"""Answers stored under the caller's `Idempotency-Key`, so that a request sent twice is carried out once."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.schema.supplier_tables import idempotency_keys
from domain.errors import InvalidContent, Problem
from domain.text.bilingual import said_by

LIFETIME = timedelta(hours=24)

_IDENTITY = tuple(idempotency_keys.primary_key)


class Submission(msgspec.Struct, frozen=True):
    """A request with an `Idempotency-Key`. `route`: method and path; `body_hash`: a digest of query and body."""

    organisation_id: UUID
    route: str
    key: str
    body_hash: bytes


class Answer(msgspec.Struct, frozen=True):
    """The stored HTTP answer to the first request with an `Idempotency-Key`."""

    status: int
    headers: dict[str, str]
    body: bytes


async def claim_key(connection: Connection, submission: Submission, now: datetime) -> Answer | None:
    """The stored answer to an earlier request with this key; the first request claims the key and gets None.

    The caller then carries it out and calls `store_answer` in the same transaction. While another transaction answers
    the first request, waits for its end; if it is rolled back, this one is the first. A key is free again after
    `LIFETIME`. Raises InvalidContent (`idempotency_key_reused`) for another body.
    """
    write = insert(idempotency_keys).values(**msgspec.structs.asdict(submission), created_at=now)
    again = write.excluded
    claimed = write.on_conflict_do_update(
        index_elements=_IDENTITY,
        set_={"body_hash": again.body_hash, "status": None, "headers": None, "body": None, "created_at": now},
        where=or_(idempotency_keys.c.created_at <= now - LIFETIME, idempotency_keys.c.status.is_(None)),
    ).returning(idempotency_keys.c.key)
    if (await connection.execute(claimed)).first() is not None:
        return None
    stored = (await connection.execute(select(idempotency_keys).where(_is_of_submission(submission)))).one()
    if stored.body_hash != submission.body_hash:
        raise InvalidContent((_REUSED,))
    return Answer(stored.status, stored.headers, stored.body)


async def find_answer(
    connection: Connection, organisation_id: UUID, route: str, key: str, now: datetime
) -> Answer | None:
    """The stored answer to a request with this key; None where none is stored, or it is older than `LIFETIME`."""
    own = {"organisation_id": organisation_id, "route": route, "key": key}
    fresh = idempotency_keys.c.created_at > now - LIFETIME
    row = (await connection.execute(select(idempotency_keys).filter_by(**own).where(fresh))).first()
    return None if row is None or row.status is None else Answer(row.status, row.headers, row.body)


_REUSED = Problem("", "idempotency_key_reused", said_by(__name__)["key_reused"])


def _is_of_submission(submission: Submission) -> ColumnElement[bool]:
    return and_(*(column == getattr(submission, column.name) for column in _IDENTITY))


async def store_answer(connection: Connection, submission: Submission, answer: Answer) -> None:
    """Store the answer to a claimed request; committed with what the request did, or not at all."""
    await connection.execute(
        update(idempotency_keys).where(_is_of_submission(submission)).values(msgspec.structs.asdict(answer))
    )


async def delete_expired(connection: Connection, now: datetime) -> None:
    """Delete the answers older than `LIFETIME`, except rows that another transaction has locked."""
    expired = select(*_IDENTITY).where(idempotency_keys.c.created_at <= now - LIFETIME)
    gone = tuple_(*_IDENTITY).in_(expired.with_for_update(skip_locked=True))
    await connection.execute(delete(idempotency_keys).where(gone))
