"""Encoding of a record for storage: its columns, their digest, and the faults that keep it from being stored."""

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from domain.errors import Problem, null_character_problem, pointer
from domain.suppliers.assembly import DOUBTFUL_POINT
from domain.suppliers.names import text_key
from domain.suppliers.record_check import approved_until, drawn_vertices, shortcomings
from domain.suppliers.rows import LONGEST_EXTERNAL_ID
from domain.suppliers.supplier import Placement, SupplierRecord
from domain.text.bilingual import Text

_HASH_BYTES = 16
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_UNSURE_PLACES = DOUBTFUL_POINT | {"placed_at_commune"}
_BAD_IDENTIFIER = Text(
    f"Un identifiant compte de 1 à {LONGEST_EXTERNAL_ID} caractères",
    f"An identifier has 1 to {LONGEST_EXTERNAL_ID} characters",
)

encode = msgspec.json.Encoder().encode
"""JSON, always the same bytes for the same content."""


def content_hash(payload: bytes, placement: Placement) -> bytes:
    """BLAKE2b digest of record and placement; changes when either changes, as with new reference data."""
    return blake2b(payload + encode(placement), digest_size=_HASH_BYTES).digest()


def content_columns(record: SupplierRecord, placement: Placement, digest: bytes) -> dict[str, Any]:
    """The columns of a record that say what its source sent and where it stands, in the order of the table."""
    location = placement.location
    return {
        "payload": record,
        "content_hash": digest,
        "commune": placement.commune,
        "lat": None if location is None else location.lat,
        "lon": None if location is None else location.lon,
        "flags": placement.flags,
        "vertices": drawn_vertices(record),
    }


def derived_columns(
    record: SupplierRecord, placement: Placement, now: datetime, joins: str | None = None
) -> dict[str, Any]:
    """The columns of a new record after those of its content, in the order of the table.

    Names are among them, to find records of the same supplier by, only where the record's own point can be relied on.
    One that `joins` others has none of these, and nothing is missing in it.
    """
    is_sure = (
        joins is None
        and placement.location is not None
        and _UNSURE_PLACES.isdisjoint(flag.code for flag in placement.flags)
    )
    name, name_key = _keyed_name(record.name if is_sure else None)
    trade_name, trade_key = _keyed_name(record.trade_name if is_sure else None)
    return {
        "created_at": now,
        "changed_at": now,
        "received_at": now,
        "siret": None if joins else record.siret,
        "in_prison": joins is None and record.in_prison is True,
        "name": name,
        "name_key": name_key,
        "trade_name": trade_name,
        "trade_key": trade_key,
        "doubts": [] if joins else shortcomings(record, placement),
        "approved_until": approved_until(record.approvals),
        "joins": joins,
    }


def problems(external_id: str, payload: bytes) -> tuple[Problem, ...]:
    """The problems that keep PostgreSQL from storing this: an unusable identifier, a null character in a text."""
    found: list[Problem] = []
    if "\0" in external_id:
        found.append(null_character_problem(pointer("external_id")))
    elif not 1 <= len(external_id) <= LONGEST_EXTERNAL_ID:
        found.append(Problem(pointer("external_id"), "invalid_external_id", _BAD_IDENTIFIER))
    if b"\\u0000" in payload and _NUL.search(payload):
        found.extend(map(null_character_problem, _texts_with_nul(msgspec.json.decode(payload), ())))
    return tuple(found)


def _keyed_name(name: str | None) -> tuple[str | None, str | None]:
    """The name and the key that its spellings share; None twice where it has none."""
    key = text_key(name) if name else None
    return (name, key) if key else (None, None)


def _texts_with_nul(value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield pointer(*path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts_with_nul(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts_with_nul(inner, (*path, index))
