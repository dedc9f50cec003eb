"""The journal: each entry carries the hash of the one before, so that an alteration shows."""

import hashlib
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

Means = Literal["key", "reply_link", "command", "server"]
Detail = dict[str, str | int | bool | list[str] | None]

BEFORE_THE_FIRST = bytes(32)
"""The hash before the first entry of an organisation."""


class Actor(msgspec.Struct, frozen=True):
    """The author of an entry, and the means it used.

    `id`: the key, or the supplier who holds a reply link; null for the server itself and the command line.
    """

    organisation_id: UUID
    means: Means
    id: UUID | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the journal. `number` counts those of an organisation, from 1 and without gaps.

    `object`: what it was done to, such as "need:<id>". `version`: the object's version afterwards, where it has one.
    `detail`: what changed, in ids, codes and names of fields: never what people said, nor who they are.
    """

    number: int
    at: datetime
    means: Means
    actor_id: UUID | None
    action: str
    object: str
    version: int | None
    detail: Detail
    hash: str


def chained(previous: bytes, organisation_id: UUID, entry: Entry) -> bytes:
    """The SHA-256 over the hash of the entry before and the content of this one, without `entry.hash`."""
    content: list[Any] = [
        organisation_id.hex,
        entry.number,
        int(entry.at.timestamp() * 1_000_000),
        entry.means,
        entry.actor_id.hex if entry.actor_id else None,
        entry.action,
        entry.object,
        entry.version,
        dict(sorted(entry.detail.items())),
    ]
    return hashlib.sha256(previous + msgspec.json.encode(content)).digest()


class Break(msgspec.Struct, frozen=True):
    """A place where a journal is not as it was written.

    `number`: the first entry that does not follow. `gap`: entries before it are missing. `altered_entry`: its content
    is not the one whose hash it carries, while the next entry carries on that hash; or the entry before was put in the
    place of another. `broken_link`: neither its own content nor the next entry fits its hash. `lost_anchor`: an entry
    that was noted elsewhere is missing, or is another one.
    """

    number: int
    code: Literal["gap", "altered_entry", "broken_link", "lost_anchor"]
    missing: int = 0


class Chain:
    """Verifies the entries of one journal, given in the order of their numbers.

    `number` and `hash` are those of the last entry so far; `breaks` the faults found, the last entry's only after
    `close`.
    """

    def __init__(self, organisation_id: UUID) -> None:
        self.number = 0
        self.hash = BEFORE_THE_FIRST
        self.breaks: list[Break] = []
        self._organisation_id = organisation_id
        self._doubtful: int | None = None

    def follow(self, number: int, digest: bytes, entry: Entry | None) -> None:
        """Verify the next entry against its stored hash, `digest`. `entry` None: its content cannot be read."""
        gap = number - self.number - 1
        if gap:
            self._settle("altered_entry")
            self.breaks.append(Break(number, "gap", gap))
        elif entry is not None and chained(self.hash, self._organisation_id, entry) == digest:
            self._settle("altered_entry")
        elif self._doubtful is not None:
            # that explains why this one does not follow either
            self._settle("broken_link")
        else:
            self._doubtful = number
        self.number, self.hash = number, digest

    def close(self) -> None:
        """End the verification: there are no more entries."""
        self._settle("altered_entry")

    def _settle(self, code: Literal["altered_entry", "broken_link"]) -> None:
        if self._doubtful is not None:
            self.breaks.append(Break(self._doubtful, code))
            self._doubtful = None
