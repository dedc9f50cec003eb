"""A record as it is stored: its bytes, what tells it from another, and what cannot be stored at all."""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from domain.errors import Problem, null_character_problem, pointer
from domain.suppliers.rows import LONGEST_EXTERNAL_ID
from domain.suppliers.supplier import Placement, SupplierRecord
from domain.text.bilingual import Text

_HASH_BYTES = 16
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_encode = msgspec.json.Encoder().encode


def encode(record: SupplierRecord) -> bytes:
    """The record as JSON, always the same bytes for the same content."""
    return _encode(record)


def content_hash(payload: bytes, placement: Placement) -> bytes:
    """What is other as soon as the record or its place is: new reference data may place an old record anew."""
    return blake2b(payload + _encode(placement), digest_size=_HASH_BYTES).digest()


def problems(external_id: str, payload: bytes) -> tuple[Problem, ...]:
    """Why PostgreSQL could not hold this: an unusable identifier, or the character NUL inside a text."""
    found: list[Problem] = []
    if not 1 <= len(external_id) <= LONGEST_EXTERNAL_ID or "\0" in external_id:
        found.append(_bad_identifier())
    if b"\\u0000" in payload and _NUL.search(payload):
        found.extend(map(null_character_problem, _texts_with_nul(msgspec.json.decode(payload), ())))
    return tuple(found)


def _bad_identifier() -> Problem:
    return Problem(
        pointer("external_id"),
        "invalid_external_id",
        Text(
            f"Un identifiant compte de 1 à {LONGEST_EXTERNAL_ID} caractères, sans caractère nul",
            f"An identifier has 1 to {LONGEST_EXTERNAL_ID} characters and no NUL",
        ),
    )


def _texts_with_nul(value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield pointer(*path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts_with_nul(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts_with_nul(inner, (*path, index))
