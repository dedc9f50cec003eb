"""The writing of a document in the place of a stored one, to which a later release may have added something."""

from typing import Any, TypeVar

from msgspec import Raw
from msgspec.json import encode
from sqlalchemy import Column, ColumnElement, Text, cast, select

from db.core.engine import Connection
from domain.decoding.stored import with_later_members

T = TypeVar("T")


async def kept_document(connection: Connection, column: Column[Any], row: ColumnElement[bool], value: T) -> Any:
    """`value` as the column takes it, with what only a later release knows of the document stored in that row.

    The caller has locked the row.
    """
    stored = None if value is None else await connection.scalar(select(cast(column, Text)).where(row))
    if stored is None:
        return value
    return Raw(with_later_members(encode(value), stored, column.type.shape))  # type: ignore[attr-defined]
