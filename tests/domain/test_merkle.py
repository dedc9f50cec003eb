"""The tree over a journal's entries: its root as RFC 6962 has it, and proofs that the separate verifier believes."""

from hashlib import sha256

import pytest

from api.journal.verify_record import is_continued, root_by_inclusion
from domain.merkle import MerkleTree

HASHES = [sha256(str(number).encode()).digest() for number in range(70)]


def root_of(hashes: list[bytes]) -> bytes:
    """The root as section 2.1 defines it."""
    if len(hashes) <= 1:
        return sha256(b"\0" + hashes[0]).digest() if hashes else sha256().digest()
    left = max(1 << power for power in range(7) if 1 << power < len(hashes))
    return sha256(b"\1" + root_of(hashes[:left]) + root_of(hashes[left:])).digest()


@pytest.mark.parametrize("for_proofs", [False, True])
def test_the_root_is_that_of_the_definition(for_proofs: bool) -> None:
    tree = MerkleTree(for_proofs=for_proofs)
    for size in range(70):
        assert (tree.size, tree.root()) == (size, root_of(HASHES[:size]))
        tree.append(HASHES[size])


def test_each_entry_is_proven_and_no_other() -> None:
    for size in range(1, 40):
        tree = MerkleTree(HASHES[:size], for_proofs=True)
        for number in range(1, size + 1):
            proof = tree.inclusion_proof(number)
            assert len(proof) <= (size - 1).bit_length()
            assert root_by_inclusion(HASHES[number - 1], number, size, proof) == tree.root()
            wrong = [
                (HASHES[number], number, size, proof),
                (HASHES[number - 1], number % size + 1, size, proof),
                (HASHES[number - 1], number, size, [*proof, HASHES[0]]),
                (HASHES[number - 1], number, size, proof[1:]),
            ]
            found = [root_by_inclusion(*each) for each in wrong]
            # of one entry there is no other number, and no shorter proof
            assert [each for each in found if each == tree.root()] == [] or size == 1


def test_growth_is_proven_and_no_other_past() -> None:
    for size in range(1, 40):
        tree = MerkleTree(HASHES[:size], for_proofs=True)
        for before in range(1, size + 1):
            old, proof = root_of(HASHES[:before]), tree.consistency_proof(before)
            assert is_continued(old, before, tree.root(), size, proof)
            assert not is_continued(root_of(HASHES[1 : before + 1]), before, tree.root(), size, proof)
            assert not is_continued(old, before, root_of(HASHES[1 : size + 1]), size, proof)
            assert not is_continued(old, before, tree.root(), size, [*proof, old])
