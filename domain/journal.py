"""The journal as a hash chain: each entry carries the hash of the one before, so that an alteration shows.

The root of a Merkle tree over these hashes, made as RFC 6962 does, commits to all entries so far. A short proof shows
that one of them is in it, or that it only grew since an earlier root. Its leaves and nodes begin with different bytes,
so that neither passes for the other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import msgspec

Means = Literal["key", "person", "reply_link", "command", "server"]
Detail = dict[str, str | int | bool | list[str] | None]

BEFORE_THE_FIRST = bytes(32)
"""The hash before the first entry of an organisation."""


class Actor(msgspec.Struct, frozen=True):
    """The author of a journal entry, and the means by which the author acted.

    `id`: the key, the person who signed in, or the supplier who holds a reply link; null for the server itself and the
    command line.
    """

    organisation_id: UUID
    means: Means
    id: UUID | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the journal."""

    number: int
    """Counts the entries of an organisation, from 1 and without gaps"""
    at: datetime
    """The moment of the act"""
    means: Means
    """By a key, a person who signed in, a supplier's reply link, a command of the operator, or the server of itself"""
    actor_id: UUID | None
    """The key used, or the person; null where it was neither"""
    action: str
    """Such as `need.created` or `message.sent`"""
    object: str
    """The thing acted on, such as `need:<id>`"""
    version: int | None
    """The object's version afterwards; null where it has none"""
    detail: Detail
    """The change, in ids, codes and names of fields: never what people said, nor who they are"""
    hash: str
    """SHA-256, in hexadecimal, of the entry and of the hash before it"""
    content: tuple[str, ...] = ()
    """Things as stored then, such as `message:<id>=<SHA-256>`, without digits where one was removed"""


def entry_text(organisation_id: UUID, entry: Entry) -> bytes:
    """The entry as it is hashed: JSON of its content without `entry.hash`."""
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
    if entry.content:  # entries of earlier versions have none
        content.append(entry.content)
    return msgspec.json.encode(content)


def entry_hash(previous: bytes, organisation_id: UUID, entry: Entry) -> bytes:
    """The hash of an entry: SHA-256 over `previous`, that of the entry before, and its text."""
    return sha256(previous + entry_text(organisation_id, entry)).digest()


class JournalHead(msgspec.Struct, frozen=True):
    """The last entry of a journal at some time; `root`: of the tree over its entries."""

    organisation_id: UUID
    number: int
    hash: str
    root: str | None = None


class JournalHeads(msgspec.Struct, frozen=True):
    """The last entries of all journals `at` some time.

    Of each, what is signed is the SHA-256 of its JSON (`digests`): one can be shown, and the others not. Those of
    earlier releases are signed as they are (`heads`).
    """

    at: datetime
    heads: tuple[JournalHead, ...] = ()
    digests: tuple[str, ...] = ()


class SignedHeads(msgspec.Struct, frozen=True):
    """A signed `JournalHeads`. `heads`: its JSON, as signed; `public_key` and `signature` in hexadecimal digits.

    `opened`: JSON of heads whose digests are signed. `timestamp`: an authority's answer (RFC 3161) about `heads`, in
    base64.
    """

    heads: str
    public_key: str
    signature: str
    opened: tuple[str, ...] = ()
    timestamp: str | None = None

    def read(self) -> JournalHeads:
        """The signed heads, as far as they are shown."""
        known = msgspec.json.decode(self.heads, type=JournalHeads)
        shown = (each for each in self.opened if sha256(each.encode()).hexdigest() in known.digests)
        heads = tuple(msgspec.json.decode(each, type=JournalHead) for each in shown)
        return msgspec.structs.replace(known, heads=(*known.heads, *heads))


class Break(msgspec.Struct, frozen=True):
    """A fault by which a journal is not as it was written, and the entry where it shows.

    `number`: the first entry that does not follow. `gap`: entries before it are missing. `altered_entry`: its content
    and the hash before do not make the hash that it carries; or the entry before was put in the place of another.
    `lost_anchor`: an entry that was noted elsewhere is missing, or is another one. `forged_entry`: its signature is not
    one of the journal's keys. `unsigned_entry`: it has none, after others that have one or since entries are signed.
    `altered_content`, `missing_content`: `about`, which the entry is about, is no longer as it was stored, or is gone.
    `unrecorded_content`: no entry tells of `about` (`number`: the last entry).
    """

    number: int
    code: Literal[
        "gap",
        "altered_entry",
        "lost_anchor",
        "forged_entry",
        "unsigned_entry",
        "altered_content",
        "missing_content",
        "unrecorded_content",
    ]
    missing: int = 0
    about: str | None = None


_PARTS_OF = {"recipients": "exchange", "reply_links": "exchange", "meeting_scope": "meeting"}
_PARTS_OF |= {"campaign_recipients": "campaign"}
RIGHTS = frozenset(_PARTS_OF) | {
    *("organisation", "key", "person", "session", "calendar_feed", "webhook", "supplier_link", "note")
}
"""The kinds of bound content that journals of earlier releases do not tell of."""
_ENDS_UNTOLD = frozenset({"session", "calendar_feed", "supplier_link"})
"""Rights whose end no entry tells of: gone, they open nothing."""


_REMOVALS = frozenset({"need.purged", "need.deleted", "meeting.purged", "campaign.purged", "campaign.deleted"})


class BoundContent:
    """Collects the digests that a journal's entries hold of stored content; entries come in the order of their numbers.

    `names`: what must be stored as the last entry about it says; `recorded`: all that entries have told of.
    """

    def __init__(self) -> None:
        self.names: dict[str, tuple[int, str]] = {}
        self.recorded: set[str] = set()
        self._need_of: dict[str, str] = {}
        self._rights_since: datetime | None = None

    def collect_entry(self, entry: Entry) -> None:
        """Collect the digests that the next entry binds, or forget those of content that was removed with a need."""
        if entry.action in _REMOVALS:
            for name in [name for name in self.names if self._need_of[name] == entry.object]:
                del self.names[name]
        if entry.action == "exchange.opened":
            self._need_of[entry.object] = f"need:{entry.detail.get('need_id')}"
        bound = dict(each.rpartition("=")[::2] for each in entry.content)
        if entry.action == "rights.adopted" and self._rights_since not in {None, entry.at}:
            return  # only what was there before any right was bound may be adopted
        if self._rights_since is None and any(name.partition(":")[0] in RIGHTS for name in bound):
            self._rights_since = entry.at
        self.recorded.update(bound)
        for name, digest in bound.items():
            self.names[name] = (entry.number, digest)
            self._need_of[name] = self._goes_with(name, entry.object)

    def _goes_with(self, name: str, about: str) -> str:
        """The need, or other object, with which stored content is removed; `about`: the object of its entry."""
        kind, _, id_ = name.partition(":")
        if kind in RIGHTS:
            about = f"{_PARTS_OF[kind]}:{id_}" if kind in _PARTS_OF else name
        return self._need_of.get(about, about)

    def breaks(self, stored: Mapping[str, str]) -> Iterator[Break]:
        """A break for each content that no longer has its bound digest; `stored`: present digests, empty where gone."""
        for name, (number, digest) in self.names.items():
            if stored[name] != digest and (stored[name] or name.partition(":")[0] not in _ENDS_UNTOLD):
                yield Break(number, "altered_content" if stored[name] else "missing_content", about=name)


class Chain:
    """Verifies the entries of one journal, given in the order of their numbers.

    `number` and `hash` are those of the last entry so far; `breaks` the faults found; `signed` counts the entries with
    a signature. `is_signature`: whether a signature is one of a hash by the journal's keys; without it signatures are
    not looked at. `signed_since`: the first moment whose entries must have one, or a journal that was rewritten as a
    whole could do without; None: no entry before the first that has one must.
    """

    def __init__(
        self,
        organisation_id: UUID,
        is_signature: Callable[[bytes, bytes], bool] | None = None,
        signed_since: datetime | None = None,
    ) -> None:
        self.number = 0
        self.hash = BEFORE_THE_FIRST
        self.breaks: list[Break] = []
        self.signed = 0
        self.organisation_id = organisation_id
        self._is_signature, self._signed_since = is_signature, signed_since
        self._is_altered = False

    def verify_entry(self, number: int, digest: bytes, entry: Entry | None, signature: bytes | None = None) -> None:
        """Verify the next entry, `number`, against its stored hash `digest` and signature; `entry` None: unreadable."""
        gap = number - self.number - 1
        follows = entry is not None and entry_hash(self.hash, self.organisation_id, entry) == digest
        # where the one before was altered, that explains why this one does not follow
        self._is_altered = not (gap or follows or self._is_altered)
        if gap:
            self.breaks.append(Break(number, "gap", gap))
        elif self._is_altered:
            self.breaks.append(Break(number, "altered_entry"))
        if not self._is_altered:  # no signature fits a hash that is not the entry's own
            self._verify_signature(number, digest, entry, signature)
        self.number, self.hash = number, digest

    def _verify_signature(self, number: int, digest: bytes, entry: Entry | None, signature: bytes | None) -> None:
        since = self._signed_since
        if signature is not None:
            self.signed += 1
            if self._is_signature is not None and not self._is_signature(digest, signature):
                self.breaks.append(Break(number, "forged_entry"))
        elif self.signed or (since is not None and (entry is None or entry.at >= since)):
            self.breaks.append(Break(number, "unsigned_entry"))


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class MerkleTree:
    """A tree that grows by one entry at a time; `size`: how many there are.

    `for_proofs`: whether all nodes are kept, 64 bytes an entry; without them only the root can be told.
    """

    def __init__(self, entry_hashes: Iterable[bytes] = (), *, for_proofs: bool = False) -> None:
        self.size = 0
        self._keeps = for_proofs
        # of each height, the nodes over 2 ** height entries
        self._levels: list[list[bytes]] = [[]]
        for each in entry_hashes:
            self.append(each)

    def append(self, entry_hash: bytes) -> None:
        """Add the hash of the next entry."""
        node, height, last = sha256(b"\0" + entry_hash).digest(), 0, self.size
        self.size += 1
        self._levels[0].append(node)
        while last & 1:
            level = self._levels[height]
            node = _node(level[-2], level[-1])
            if not self._keeps:
                level.clear()
            height, last = height + 1, last >> 1
            if height == len(self._levels):
                self._levels.append([])
            self._levels[height].append(node)

    def root(self) -> bytes:
        """The root over all entries so far."""
        node = b""
        for height, level in enumerate(self._levels):
            if self.size >> height & 1:
                node = _node(level[-1], node) if node else level[-1]
        return node or sha256(b"").digest()

    def inclusion_proof(self, number: int) -> list[bytes]:
        """The nodes that lead from entry `number`, counted from 1, to the root."""
        first, end, proof = 0, self.size, list[bytes]()
        while end - first > 1:
            middle = first + _left_size(end - first)
            if number - 1 < middle:
                proof.append(self._root_of(middle, end))
                end = middle
            else:
                proof.append(self._root_of(first, middle))
                first = middle
        return proof[::-1]

    def consistency_proof(self, size: int) -> list[bytes]:
        """The nodes that lead from the root over the first `size` entries, at least one, to the present root."""
        first, end, proof, is_whole = 0, self.size, list[bytes](), True
        while size < end:
            middle = first + _left_size(end - first)
            if size <= middle:
                proof.append(self._root_of(middle, end))
                end = middle
            else:
                proof.append(self._root_of(first, middle))
                first, is_whole = middle, False
        return proof[::-1] if is_whole else [self._root_of(first, end), *proof[::-1]]

    def _root_of(self, first: int, end: int) -> bytes:
        """The root over entries `first` to `end`, counted from 0; `first` is where such a part of the tree begins."""
        size = end - first
        if size & (size - 1) == 0:
            height = size.bit_length() - 1
            return self._levels[height][first >> height]
        middle = first + _left_size(size)
        return _node(self._root_of(first, middle), self._root_of(middle, end))


def _left_size(size: int) -> int:
    """The entries under the left half of a node over `size` of them, two at least: the largest power of two below."""
    return 1 << (size - 1).bit_length() - 1
