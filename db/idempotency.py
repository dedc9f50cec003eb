"""Answers kept under the caller's `Idempotency-Key`, so that a request sent twice is carried out once."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.schema.supplier_tables import idempotency_keys
from domain.errors import InvalidContent, Problem
from domain.text.bilingual import Text

LIFETIME = timedelta(hours=24)

_IDENTITY = tuple(idempotency_keys.primary_key)


class Submission(msgspec.Struct, frozen=True):
    """A request that may come twice. `route`: method and path; `body_hash`: of the body as received."""

    organisation_id: UUID
    route: str
    key: str
    body_hash: bytes


class Answer(msgspec.Struct, frozen=True):
    """What the first request was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


async def claim(connection: Connection, submission: Submission, now: datetime) -> Answer | None:
    """None: this request is the first, carry it out and `keep` its answer in this same transaction. Else that answer.

    While the first is being answered in another transaction, waits for it to end; if it is rolled back, this one is the
    first. A key is free again after `LIFETIME`. Raises InvalidContent (`idempotency_key_reused`) for another body.
    """
    write = insert(idempotency_keys).values(**msgspec.structs.asdict(submission), created_at=now)
    again = write.excluded
    claimed = write.on_conflict_do_update(
        index_elements=["organisation_id", "route", "key"],
        set_={"body_hash": again.body_hash, "status": None, "headers": None, "body": None, "created_at": now},
        where=or_(idempotency_keys.c.created_at <= now - LIFETIME, idempotency_keys.c.status.is_(None)),
    ).returning(idempotency_keys.c.key)
    if (await connection.execute(claimed)).first() is not None:
        return None
    kept = (await connection.execute(select(idempotency_keys).where(_is(submission)))).one()
    if kept.body_hash != submission.body_hash:
        raise InvalidContent((_REUSED,))
    return Answer(kept.status, kept.headers, kept.body)


_REUSED = Problem(
    "",
    "idempotency_key_reused",
    Text(
        "Cette Idempotency-Key a déjà servi pour un autre contenu ; une autre requête prend une autre clé",
        "This Idempotency-Key was already used with another body; another request takes another key",
    ),
)


def _is(submission: Submission) -> ColumnElement[bool]:
    return and_(
        idempotency_keys.c.organisation_id == submission.organisation_id,
        idempotency_keys.c.route == submission.route,
        idempotency_keys.c.key == submission.key,
    )


async def keep(connection: Connection, submission: Submission, answer: Answer) -> None:
    """Keep the answer to a claimed request; committed with what the request did, or not at all."""
    await connection.execute(update(idempotency_keys).where(_is(submission)).values(msgspec.structs.asdict(answer)))


async def forget_expired(connection: Connection, now: datetime) -> None:
    """Remove the answers that are older than `LIFETIME`, less those that another transaction is at work on."""
    expired = select(*_IDENTITY).where(idempotency_keys.c.created_at <= now - LIFETIME)
    gone = tuple_(*_IDENTITY).in_(expired.with_for_update(skip_locked=True))
    await connection.execute(delete(idempotency_keys).where(gone))
