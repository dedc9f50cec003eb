"""All active suppliers as PostgreSQL sends them at its quickest: the text of their documents, undecoded."""

from collections.abc import Callable
from struct import Struct
from uuid import UUID

from db.core.connect import connect
from db.suppliers.version_feed import CURRENT_VERSION

_DOCUMENTS = "SELECT document FROM suppliers WHERE NOT deleted AND active"
# PostgreSQL's binary format of COPY: a header, then of each row the number of fields, and of each field its length
_HEADER_BYTES = 19
_ROW = Struct(">hi")
_END = b"\xff\xff"


async def copy_documents(url: str, receive: Callable[[bytes], object]) -> tuple[int, UUID | None]:
    """Hand over the documents of all active suppliers, in JSON; the version they are of, and its uid."""
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            version = await connection.fetchrow(CURRENT_VERSION)
            fields = _CopiedFields(receive)
            await connection.copy_from_query(_DOCUMENTS, output=fields.read, format="binary")
    finally:
        await connection.close()
    return (0, None) if version is None else (version[0], version[1])


class _CopiedFields:
    """Reads rows of one field from parts of what is copied, however these are cut."""

    def __init__(self, receive: Callable[[bytes], object]) -> None:
        self._receive = receive
        self._left, self._begins = b"", _HEADER_BYTES

    async def read(self, part: bytes) -> None:
        """Hand over the fields that are whole."""
        content, at = self._left + part, self._begins
        while len(content) >= at + _ROW.size:
            _, length = _ROW.unpack_from(content, at)
            end = at + _ROW.size + length
            if len(content) < end:
                break
            self._receive(content[at + _ROW.size : end])
            at = end
        self._left, self._begins = (content[at:], 0) if at <= len(content) else (content, at)
