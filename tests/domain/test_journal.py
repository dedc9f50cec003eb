"""The hash of a journal's entry changes with every part of it, and with the entry before.

A journal that was tampered with is found out, and where.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.journal.verify_record import is_continued, root_by_inclusion
from domain.journal import BEFORE_THE_FIRST, BoundContent, Break, Chain, Entry, MerkleTree, entry_hash

ORGANISATION, KEY = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ENTRY = Entry(
    number=1,
    at=NOW,
    means="key",
    actor_id=KEY,
    action="need.created",
    object="need:1",
    version=1,
    detail={"lots": ["1"], "title": None},
    hash="",
)


def test_every_part_counts_and_the_entry_before_but_not_the_order_of_details() -> None:
    """Neither does the hash that the entry carries."""
    changes: tuple[dict[str, Any], ...] = (
        {"number": 2},
        {"at": NOW + timedelta(microseconds=1)},
        {"means": "server"},
        {"actor_id": None},
        {"action": "need.changed"},
        {"object": "need:2"},
        {"version": None},
        {"detail": {"lots": ["2"], "title": None}},
    )
    entries = [ENTRY, *(msgspec.structs.replace(ENTRY, **change) for change in changes)]
    hashes = [entry_hash(BEFORE_THE_FIRST, ORGANISATION, each) for each in entries]
    hashes += [entry_hash(bytes([1] * 32), ORGANISATION, ENTRY), entry_hash(BEFORE_THE_FIRST, KEY, ENTRY)]
    assert len(set(hashes)) == len(changes) + 3
    same = msgspec.structs.replace(ENTRY, detail={"title": None, "lots": ["1"]}, hash="ff")
    assert entry_hash(BEFORE_THE_FIRST, ORGANISATION, same) == hashes[0]


Journal = list[tuple[bytes, Entry]]


def journal(length: int, start: int = 1, before: bytes = BEFORE_THE_FIRST, action: str = "need.changed") -> Journal:
    found: Journal = []
    for number in range(start, length + 1):
        entry = msgspec.structs.replace(ENTRY, number=number, action=action, version=number)
        before = entry_hash(before, ORGANISATION, entry)
        found.append((before, entry))
    return found


def breaks(found: Journal) -> list[Break]:
    chain = Chain(ORGANISATION)
    for digest, entry in found:
        chain.verify_entry(entry.number, digest, entry)
    return chain.breaks


def _altered(found: Journal) -> Journal:
    digest, entry = found[2]
    return [*found[:2], (digest, msgspec.structs.replace(entry, action="x.y")), *found[3:]]


def _replaced(found: Journal) -> Journal:
    """An entry put in the place of another with a hash that goes with it: the one after does not follow."""
    return [*found[:2], journal(3, 3, found[1][0], "need.published")[0], *found[3:]]


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (lambda found: found, []),
        (_altered, [Break(3, "altered_entry")]),
        (lambda found: [*found[:2], (bytes(32), found[2][1]), *found[3:]], [Break(3, "altered_entry")]),
        (_replaced, [Break(4, "altered_entry")]),
        (lambda found: found[:2] + found[3:], [Break(4, "gap", 1)]),
        (lambda found: found[3:], [Break(4, "gap", 3)]),
        (lambda found: _altered(found)[:3], [Break(3, "altered_entry")]),
        (lambda found: _altered(found[:2] + found[3:]), [Break(4, "gap", 1)]),
    ],
)
def test_what_was_done_to_it_is_told(tamper: Callable[[Journal], Journal], expected: list[Break]) -> None:
    assert breaks(tamper(journal(6))) == expected


@given(length=st.integers(1, 12), position=st.integers(0, 11), action=st.sampled_from(["x.y", "need.published"]))
def test_no_single_change_goes_unseen(length: int, position: int, action: str) -> None:
    found = journal(length)
    digest, entry = found[position % length]
    found[position % length] = (digest, msgspec.structs.replace(entry, action=action))
    assert {each.number for each in breaks(found)} == {entry.number}


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


def test_rights_are_adopted_once() -> None:
    """A key that was slipped in after an earlier release had adopted those that it found is told of by no entry."""
    bound = BoundContent()
    for day, key in enumerate("ab"):
        adopted = {"action": "rights.adopted", "at": NOW + timedelta(days=day), "content": (f"key:{key}=00",)}
        bound.collect_entry(msgspec.structs.replace(ENTRY, **adopted))
    assert bound.recorded == {"key:a"}
