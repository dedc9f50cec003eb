"""A Merkle tree over the hashes of a journal's entries, hashed as RFC 6962 does.

Its root commits to all entries so far. A short proof shows that one of them is in it, or that it only grew since an
earlier root. Leaves and nodes begin with different bytes, so that neither passes for the other.
"""

from collections.abc import Iterable
from hashlib import sha256


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
