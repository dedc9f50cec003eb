"""The list of erased persons' contact details, as keyed digests, which sources must not bring back.

An address is suppressed in every record; a name or a number in the record it was taken from, and wherever it comes with
that address: others may be called the same. The ids of records, which may name somebody, are kept as digests too.
"""

import hmac
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, LargeBinary, Text, delete, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.schema.person_tables import suppression_key, suppressions
from domain.privacy import email_key, person_key, phone_key
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.supplier import Contact, SupplierRecord

EVERYWHERE = RecordKey("", "")
_DIGEST_OF_ID = "sha256:"


class Suppression(NamedTuple):
    """A contact detail to suppress in one record or EVERYWHERE; `with_email`: only if the contact has this address."""

    kind: str
    value: str
    where: RecordKey = EVERYWHERE
    with_email: str = ""


class Suppressions(msgspec.Struct, frozen=True):
    """The digests of details to suppress in a source's records, everywhere or in one record, and the digests' key."""

    key: bytes
    everywhere: frozenset[bytes]
    of_record: dict[str, frozenset[bytes]]

    def redact(self, external_id: str, record: SupplierRecord) -> SupplierRecord:
        """The record without suppressed contact details; the same object where it has none."""
        contact = record.contact
        if contact is None:
            return record
        email = email_key(contact.email or "")
        # earlier versions kept the id of a record as it is
        hashed = _DIGEST_OF_ID + sha256(self.key + external_id.encode()).hexdigest() if self.of_record else ""
        own = frozenset[bytes]().union(*(self.of_record.get(each, ()) for each in (external_id, hashed)))
        if email and _detail_digest(self.key, "email", email) in self.everywhere:
            own |= self.everywhere
        elif not own:
            # most rows of an import end here, after one digest; details beside an address go with the address itself
            return record
        keys = {"email": email, "person": person_key(contact.person or ""), "phone": phone_key(contact.phone or "")}
        gone = {
            field: None
            for field, value in keys.items()
            if value and not own.isdisjoint(_detail_digest(self.key, field, value, beside) for beside in ("", email))
        }
        return msgspec.structs.replace(record, contact=msgspec.structs.replace(contact, **gone)) if gone else record


async def suppressions_of(connection: Connection, source: str, external_id: str | None = None) -> Suppressions | None:
    """The suppressions for one record of a source, or for all its records; None where there are none."""
    query = (
        select(suppressions.c.digest, suppressions.c.external_id, suppression_key.c.key)
        .join(suppression_key, true())
        .where(suppressions.c.source.in_(("", source)))
    )
    if external_id is not None:
        ids = ("", external_id, _digest_of_id(literal(external_id)))
        query = query.where(suppressions.c.external_id.in_(ids))
    everywhere: set[bytes] = set()
    of_record: dict[str, set[bytes]] = {}
    key = b""
    for row in await connection.execute(query):
        key = row.key
        (of_record.setdefault(row.external_id, set()) if row.external_id else everywhere).add(row.digest)
    if not key:
        return None
    return Suppressions(key, frozenset(everywhere), {each: frozenset(found) for each, found in of_record.items()})


async def suppress(connection: Connection, details: Iterable[Suppression], now: datetime) -> None:
    """Add contact details to the suppression list; the caller commits."""
    key = (await connection.execute(select(suppression_key.c.key))).scalar_one()
    rows = [
        {
            "digest": _detail_digest(key, each.kind, each.value, each.with_email),
            "source": each.where.source,
            "external_id": each.where.external_id,
            "created_at": now,
        }
        for each in dict.fromkeys(details)
        if each.value
    ]
    if rows:
        await connection.execute(insert(suppressions).on_conflict_do_nothing(), rows)
    # a digest is left of each id of a record: the ids just written, and those that earlier versions wrote
    own = suppressions.c
    plain = (
        delete(suppressions)
        .where(own.external_id != "", ~own.external_id.startswith(_DIGEST_OF_ID))
        .returning(own.digest, own.source, _digest_of_id(own.external_id).label("external_id"), own.created_at)
        .cte()
    )
    hashed = insert(suppressions).from_select(plain.c.keys(), select(plain)).on_conflict_do_nothing()
    await connection.execute(hashed)


async def address_digest(connection: Connection, address: str) -> bytes:
    """The keyed digest of an e-mail address, as suppressions have it."""
    key = (await connection.execute(select(suppression_key.c.key))).scalar_one()
    return _detail_digest(key, "email", email_key(address))


def _digest_of_id(external_id: ColumnElement[str]) -> ColumnElement[str]:
    """The SQL expression of the keyed digest of a record's id, as `Suppressions` computes it."""
    key = select(suppression_key.c.key).scalar_subquery()
    salted = key.op("||", return_type=LargeBinary())(func.convert_to(external_id, "UTF8"))
    return func.concat(_DIGEST_OF_ID, func.encode(func.sha256(salted), "hex"), type_=Text)


def removed_details(key: RecordKey, before: Contact, after: Contact) -> Iterable[Suppression]:
    """Yield the details that a record's contact had before an erasure and not after, as suppressions."""
    email = email_key(before.email or "")
    if email and after.email is None:
        yield Suppression("email", email)
    for kind, value, left in (
        ("person", person_key(before.person or ""), after.person),
        ("phone", phone_key(before.phone or ""), after.phone),
    ):
        if value and left is None:
            yield Suppression(kind, value, key)
            if email and after.email is None:
                yield Suppression(kind, value, with_email=email)


def _detail_digest(key: bytes, kind: str, value: str, with_email: str = "") -> bytes:
    return hmac.digest(key, f"{kind}\0{value}\0{with_email}".encode(), sha256)
